package main

import (
	"fmt"
	"log"
	"net"

	"github.com/pion/webrtc/v3"
)

func runHost() error {
	server, err := dialSignaling(*signal, *id)
	if err != nil {
		return err
	}
	if err := server.send("register-host", "", nil); err != nil {
		return err
	}
	fmt.Println("host registered")
	sessions := map[string]*session{}
	for {
		m, err := server.receive()
		if err != nil {
			return err
		}
		switch m.Type {
		case "offer":
			current, err := answer(server, m)
			if err != nil {
				return err
			}
			sessions[m.SenderID] = current
		case "candidate":
			if current, ok := sessions[m.SenderID]; ok {
				if err := current.addCandidate(m.Payload); err != nil {
					log.Printf("candidate: %v", err)
				}
			}
		default:
			log.Printf("%s %s", m.Type, m.Payload)
		}
	}
}

func answer(server *signaling, offer message) (*session, error) {
	connection, err := newPeerConnection()
	if err != nil {
		return nil, err
	}
	current := &session{connection: connection}
	server.sendCandidates(connection, offer.SenderID)
	connection.OnDataChannel(serveChannel)
	if err := current.setRemote(offer.Payload); err != nil {
		return nil, err
	}
	description, err := connection.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	if err := connection.SetLocalDescription(description); err != nil {
		return nil, err
	}
	return current, server.send("answer", offer.SenderID, sdpPayload{description})
}

// serveChannel joins a channel to a socket of its own, whatever its label.
func serveChannel(channel *webrtc.DataChannel) {
	channel.OnOpen(func() {
		stream, err := channel.Detach()
		if err != nil {
			log.Printf("detach %s: %v", channel.Label(), err)
			return
		}
		target, err := net.Dial(*protocol, *remote)
		if err != nil {
			log.Printf("dial %s: %v", *remote, err)
			stream.Close()
			return
		}
		pump(target, gated(channel, stream))
	})
}
