// Session descriptions as foreign peers write them, addresses replaced by documentation ones.
#ifndef MING_TESTS_CODEC_SDP_SAMPLES_H_
#define MING_TESTS_CODEC_SDP_SAMPLES_H_

namespace ming::codec {

// Pion v3.1.56, after gathering: the fingerprint stands at session level, candidates come with
// component 2, there is no max-message-size.
inline constexpr char kPionOffer[] =
    "v=0\r\n"
    "o=- 7828362004376362264 1795150449 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=fingerprint:sha-256 46:90:9E:FC:2C:A7:53:52:8F:B1:6C:B9:57:CD:C5:0D:BF:1D:1F:5B:E3:8E:5C:51:"
    "A2:68:B7:3A:94:F9:BA:05\r\n"
    "a=extmap-allow-mixed\r\n"
    "a=group:BUNDLE 0\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=setup:actpass\r\n"
    "a=mid:0\r\n"
    "a=sendrecv\r\n"
    "a=sctp-port:5000\r\n"
    "a=ice-ufrag:gevYuggXzZELQPjv\r\n"
    "a=ice-pwd:QkWqNBYEgEXaoqKtoqmArhbugihwyBJX\r\n"
    "a=candidate:2070692838 1 udp 2130706431 192.0.2.2 47327 typ host\r\n"
    "a=candidate:2070692838 2 udp 2130706431 192.0.2.2 47327 typ host\r\n"
    "a=candidate:3932658255 1 udp 2130706431 2001:db8::2 42455 typ host\r\n"
    "a=candidate:3932658255 2 udp 2130706431 2001:db8::2 42455 typ host\r\n"
    "a=end-of-candidates\r\n";

inline constexpr char kPionAnswer[] =
    "v=0\r\n"
    "o=- 2979107930295778109 1795150449 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=fingerprint:sha-256 01:1A:91:F2:A5:B5:C5:AF:16:0B:A5:97:63:F1:C1:CC:4C:F4:32:85:2D:2D:BF:57:"
    "6C:4B:27:B2:77:2B:5F:BA\r\n"
    "a=extmap-allow-mixed\r\n"
    "a=group:BUNDLE 0\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=setup:active\r\n"
    "a=mid:0\r\n"
    "a=sendrecv\r\n"
    "a=sctp-port:5000\r\n"
    "a=ice-ufrag:itmrdfuuOqlYiRWA\r\n"
    "a=ice-pwd:fefZicdtthybvzRhuuFpOBemTdThPVgH\r\n";

// Chromium with audio, video and a data channel; everything bundled, mDNS candidates.
inline constexpr char kChromiumMediaOffer[] =
    "v=0\r\n"
    "o=- 4640010796743273391 2 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0 1 2\r\n"
    "a=extmap-allow-mixed\r\n"
    "a=msid-semantic: WMS stream\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=rtcp:9 IN IP4 0.0.0.0\r\n"
    "a=ice-ufrag:OpDk\r\n"
    "a=ice-pwd:OPd9GWsmjbN25gJMosh+0wjg\r\n"
    "a=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 5D:1B:58:32:D5:5D:1B:FE:CD:24:7B:17:C5:B6:9B:1F:D2:AB:B6:B5:36:6D:76:43:"
    "5F:A6:0B:8A:14:61:02:46\r\n"
    "a=setup:actpass\r\n"
    "a=mid:0\r\n"
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    "a=sendrecv\r\n"
    "a=rtcp-mux\r\n"
    "a=rtpmap:111 opus/48000/2\r\n"
    "a=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "b=AS:30\r\n"
    "a=candidate:3091073559 1 udp 2113937151 c17ad899-fc88-4380-9152-8a02ba055a45.local 58111 typ "
    "host generation 0 network-cost 999\r\n"
    "a=ice-ufrag:OpDk\r\n"
    "a=ice-pwd:OPd9GWsmjbN25gJMosh+0wjg\r\n"
    "a=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 5D:1B:58:32:D5:5D:1B:FE:CD:24:7B:17:C5:B6:9B:1F:D2:AB:B6:B5:36:6D:76:43:"
    "5F:A6:0B:8A:14:61:02:46\r\n"
    "a=setup:actpass\r\n"
    "a=mid:1\r\n"
    "a=sctp-port:5000\r\n"
    "a=max-message-size:262144\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=mid:2\r\n"
    "a=sendrecv\r\n";

// aiortc 1.4.0: the legacy form, a real port and address, several hashes.
inline constexpr char kAiortcOffer[] =
    "v=0\r\n"
    "o=- 3880000000 3880000000 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=msid-semantic:WMS *\r\n"
    "m=application 45791 DTLS/SCTP 5000\r\n"
    "c=IN IP4 192.0.2.9\r\n"
    "a=mid:0\r\n"
    "a=sctpmap:5000 webrtc-datachannel 65535\r\n"
    "a=max-message-size:65536\r\n"
    "a=candidate:af4cf4ea1b6e4e5fbb4b4bf3b7d9ea54 1 udp 2130706431 192.0.2.9 45791 typ host\r\n"
    "a=end-of-candidates\r\n"
    "a=ice-ufrag:9SEf\r\n"
    "a=ice-pwd:T5NYn0XyoGbOuEBWRuXv4m\r\n"
    "a=fingerprint:sha-256 16:D3:83:13:9C:B4:3D:6E:47:AF:A7:23:E7:7C:8B:4E:1E:38:60:F4:39:AE:E4:5E:"
    "17:1F:0E:93:9B:A7:71:0A\r\n"
    "a=fingerprint:sha-384 16:D3:83:13:9C:B4:3D:6E:47:AF:A7:23:E7:7C:8B:4E:1E:38:60:F4:39:AE:E4:5E:"
    "17:1F:0E:93:9B:A7:71:0A:16:D3:83:13:9C:B4:3D:6E:47:AF:A7:23:E7:7C:8B:4E\r\n"
    "a=setup:actpass\r\n";

}  // namespace ming::codec

#endif  // MING_TESTS_CODEC_SDP_SAMPLES_H_
