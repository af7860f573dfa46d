package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v3"
)

var (
	described time.Time // when both descriptions were known
	firstOpen sync.Once
)

// connectClient offers the channels that `open` makes and follows the conversation until the connection ends.
func connectClient(open func(*webrtc.PeerConnection) error) error {
	server, err := dialSignaling(*signal, fmt.Sprintf("pion-%d", os.Getpid()))
	if err != nil {
		return err
	}
	connection, err := newPeerConnection()
	if err != nil {
		return err
	}
	current := &session{connection: connection}
	server.sendCandidates(connection, *id)
	if err := open(connection); err != nil {
		return err
	}
	offer, err := connection.CreateOffer(nil)
	if err != nil {
		return err
	}
	sent := offer
	if *setup != "" {
		sent.SDP = strings.ReplaceAll(offer.SDP, "a=setup:actpass", "a=setup:"+*setup)
	}
	if err := server.send("offer", *id, sdpPayload{sent}); err != nil {
		return err
	}
	if err := connection.SetLocalDescription(offer); err != nil {
		return err
	}
	for {
		m, err := server.receive()
		if err != nil {
			return err
		}
		switch m.Type {
		case "answer":
			described = time.Now()
			err = current.setRemote(m.Payload)
		case "candidate":
			err = current.addCandidate(m.Payload)
		default:
			err = fmt.Errorf("%s %s", m.Type, m.Payload)
		}
		if err != nil {
			return err
		}
	}
}

// bridge joins one application to a channel of its own once that is open.
func bridge(connection *webrtc.PeerConnection, label string, options *webrtc.DataChannelInit, app io.ReadWriteCloser) error {
	channel, err := connection.CreateDataChannel(label, options)
	if err != nil {
		return err
	}
	channel.OnOpen(func() {
		firstOpen.Do(func() {
			fmt.Printf("channel open after %.2f ms\n", float64(time.Since(described).Microseconds())/1000)
		})
		stream, err := channel.Detach()
		if err != nil {
			log.Printf("detach: %v", err)
			return
		}
		pump(app, gated(channel, stream))
	})
	return nil
}

// bridgeMore gives a channel to each further application until there are no more.
func bridgeMore(connection *webrtc.PeerConnection, options *webrtc.DataChannelInit,
	accept func() (label string, app io.ReadWriteCloser, err error)) {
	for {
		label, app, err := accept()
		if err != nil {
			return
		}
		if err := bridge(connection, label, options, app); err != nil {
			log.Printf("channel: %v", err)
			app.Close()
		}
	}
}

func runTCPClient() error {
	listener, err := net.Listen("tcp", *local)
	if err != nil {
		return err
	}
	fmt.Println("listening", listener.Addr())
	accept := func() (string, io.ReadWriteCloser, error) {
		app, err := listener.Accept()
		if err != nil {
			return "", nil, err
		}
		return "tcp-" + app.RemoteAddr().String(), app, nil
	}
	label, first, err := accept()
	if err != nil {
		return err
	}
	return connectClient(func(connection *webrtc.PeerConnection) error {
		if *style == "old" {
			listener.Close()
			return bridge(connection, "tunnel-tcp", nil, first)
		}
		go bridgeMore(connection, nil, accept)
		return bridge(connection, label, nil, first)
	})
}

func runUDPClient() error {
	applications, err := listenUDP(*local, *style == "old")
	if err != nil {
		return err
	}
	fmt.Println("listening", applications.socket.LocalAddr())
	unordered, retransmits := false, uint16(0)
	options := &webrtc.DataChannelInit{Ordered: &unordered, MaxRetransmits: &retransmits}
	accept := func() (string, io.ReadWriteCloser, error) {
		source, err := applications.accept()
		return "tunnel-udp", source, err
	}
	var first *udpSource
	if applications.onlyFirst {
		first = applications.expect()
	} else if first, err = applications.accept(); err != nil {
		return err
	}
	return connectClient(func(connection *webrtc.PeerConnection) error {
		go bridgeMore(connection, options, accept)
		return bridge(connection, "tunnel-udp", options, first)
	})
}
