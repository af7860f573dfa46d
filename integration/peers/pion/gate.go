package main

import (
	"io"
	"time"

	"github.com/pion/webrtc/v3"
)

// gate holds a writer back while more than --max-buffered bytes wait in its channel, as the flow-control example of Pion does.
type gate struct {
	io.ReadWriteCloser
	channel *webrtc.DataChannel
	low     chan struct{}
}

// gated is the stream as it is where nothing limits what waits: so does the original, whose queue grows as long as the network is slower.
func gated(channel *webrtc.DataChannel, stream io.ReadWriteCloser) io.ReadWriteCloser {
	if *maxBuffered == 0 {
		return stream
	}
	made := &gate{stream, channel, make(chan struct{}, 1)}
	channel.SetBufferedAmountLowThreshold(*maxBuffered / 2)
	channel.OnBufferedAmountLow(func() {
		select {
		case made.low <- struct{}{}:
		default:
		}
	})
	return made
}

func (g *gate) Write(message []byte) (int, error) {
	for g.channel.BufferedAmount() > *maxBuffered {
		select {
		case <-g.low:
		case <-time.After(100 * time.Millisecond): // the channel may have been closed
			if g.channel.ReadyState() != webrtc.DataChannelStateOpen {
				return 0, io.ErrClosedPipe
			}
		}
	}
	return g.ReadWriteCloser.Write(message)
}
