// pionpeer plays the host or the client of the original tool on Pion WebRTC v3: one data channel for the one connection
// (old style) or one for each (new style), detached reads of 32 KiB, datagrams of at most 16 KiB, no half-close.
package main

import (
	"flag"
	"fmt"
	"log"

	"github.com/pion/webrtc/v3"
)

const (
	streamBuffer   = 32 * 1024
	datagramBuffer = 16 * 1024
)

var (
	mode        = flag.String("mode", "", "host or client")
	signal      = flag.String("signal", "ws://localhost:8080", "signaling server URL")
	id          = flag.String("id", "", "ID to register, or of the host to reach")
	protocol    = flag.String("protocol", "tcp", "tcp or udp")
	local       = flag.String("local", "localhost:25565", "where the client listens")
	remote      = flag.String("remote", "localhost:25565", "where the host forwards to")
	style       = flag.String("style", "new", "old: one channel for one connection; new: one for each")
	setup       = flag.String("setup", "", "host: the DTLS role it answers with; client: what its offer says instead of actpass")
	messageSize = flag.Int("message-size", 0, "longest message sent; 0: as long as the original's buffer")
	empty       = flag.Bool("empty-messages", false, "an empty message before every other one")
	maxBuffered = flag.Uint64("max-buffered", 0, "most bytes that wait in a channel; 0: no limit, as the original")
)

// receiveBuffer is what the original reads a channel with; a longer message breaks it.
func receiveBuffer() int {
	if *protocol == "udp" {
		return datagramBuffer
	}
	return streamBuffer
}

func sendBuffer() int {
	if *messageSize > 0 {
		return *messageSize
	}
	return receiveBuffer()
}

// newPeerConnection makes one as the original does, on loopback, too, and in the DTLS role that --setup asks a host for.
func newPeerConnection() (*webrtc.PeerConnection, error) {
	engine := webrtc.SettingEngine{}
	engine.DetachDataChannels()
	engine.SetIncludeLoopbackCandidate(true)
	if *mode == "host" && *setup == "passive" {
		if err := engine.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
			return nil, err
		}
	}
	connection, err := webrtc.NewAPI(webrtc.WithSettingEngine(engine)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		fmt.Println("state", state)
		if state == webrtc.PeerConnectionStateFailed {
			connection.Close()
		}
	})
	return connection, nil
}

func main() {
	flag.Parse()
	var err error
	switch {
	case *mode == "host":
		err = runHost()
	case *mode == "client" && *protocol == "tcp":
		err = runTCPClient()
	case *mode == "client":
		err = runUDPClient()
	default:
		err = fmt.Errorf("--mode is host or client")
	}
	if err != nil {
		log.Fatal(err)
	}
}
