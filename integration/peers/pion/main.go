// pionpeer plays the host or the client of the original tool on Pion WebRTC v3: one data channel for the one connection
// (old style) or one for each (new style), detached reads of 32 KiB, datagrams of at most 16 KiB, no half-close.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"

	"github.com/pion/webrtc/v3"
)

const (
	streamBuffer   = 32 * 1024
	datagramBuffer = 16 * 1024
)

var (
	mode     = flag.String("mode", "", "host or client")
	signal   = flag.String("signal", "ws://localhost:8080", "signaling server URL")
	id       = flag.String("id", "", "ID to register, or of the host to reach")
	protocol = flag.String("protocol", "tcp", "tcp or udp")
	local    = flag.String("local", "localhost:25565", "where the client listens")
	remote   = flag.String("remote", "localhost:25565", "where the host forwards to")
	style    = flag.String("style", "new", "old: one channel for one connection; new: one for each")
)

// pump copies with one buffer until either direction ends, then closes both: the original knows no half-close.
func pump(a, b io.ReadWriteCloser, bufferSize int) {
	var once sync.Once
	done := make(chan struct{})
	copyOne := func(to io.Writer, from io.Reader) {
		buffer := make([]byte, bufferSize)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				if _, werr := to.Write(buffer[:n]); werr != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		once.Do(func() { close(done) })
	}
	go copyOne(a, b)
	go copyOne(b, a)
	<-done
	a.Close()
	b.Close()
}

func bufferSize() int {
	if *protocol == "udp" {
		return datagramBuffer
	}
	return streamBuffer
}

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
		pump(target, stream, bufferSize())
	})
}

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
			connection, err := newPeerConnection()
			if err != nil {
				return err
			}
			current := &session{connection: connection}
			sessions[m.SenderID] = current
			server.sendCandidates(connection, m.SenderID)
			connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { fmt.Println("state", state) })
			connection.OnDataChannel(serveChannel)
			if err := current.setRemote(m.Payload); err != nil {
				return err
			}
			answer, err := connection.CreateAnswer(nil)
			if err != nil {
				return err
			}
			if err := connection.SetLocalDescription(answer); err != nil {
				return err
			}
			if err := server.send("answer", m.SenderID, sdpPayload{answer}); err != nil {
				return err
			}
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
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { fmt.Println("state", state) })
	if err := open(connection); err != nil {
		return err
	}
	offer, err := connection.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := server.send("offer", *id, sdpPayload{offer}); err != nil {
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
		stream, err := channel.Detach()
		if err != nil {
			log.Printf("detach: %v", err)
			return
		}
		pump(app, stream, bufferSize())
	})
	return nil
}

func runTCPClient() error {
	listener, err := net.Listen("tcp", *local)
	if err != nil {
		return err
	}
	fmt.Println("listening", listener.Addr())
	first, err := listener.Accept()
	if err != nil {
		return err
	}
	label := "tunnel-tcp"
	if *style == "old" {
		listener.Close()
	} else {
		label = "tcp-" + first.RemoteAddr().String()
	}
	return connectClient(func(connection *webrtc.PeerConnection) error {
		if err := bridge(connection, label, nil, first); err != nil {
			return err
		}
		if *style == "old" {
			return nil
		}
		go func() {
			for {
				app, err := listener.Accept()
				if err != nil {
					return
				}
				if err := bridge(connection, "tcp-"+app.RemoteAddr().String(), nil, app); err != nil {
					log.Printf("channel: %v", err)
					app.Close()
				}
			}
		}()
		return nil
	})
}

// udpApplication is the local socket as the original uses it: answers go to the first source address.
type udpApplication struct {
	*net.UDPConn
	peer net.Addr
}

func (u *udpApplication) Read(buffer []byte) (int, error) {
	n, from, err := u.ReadFrom(buffer)
	if u.peer == nil {
		u.peer = from
	}
	return n, err
}

func (u *udpApplication) Write(data []byte) (int, error) { return u.WriteTo(data, u.peer) }

func runUDPClient() error {
	address, err := net.ResolveUDPAddr("udp", *local)
	if err != nil {
		return err
	}
	socket, err := net.ListenUDP("udp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening", socket.LocalAddr())
	unordered, retransmits := false, uint16(0)
	options := &webrtc.DataChannelInit{Ordered: &unordered, MaxRetransmits: &retransmits}
	return connectClient(func(connection *webrtc.PeerConnection) error {
		return bridge(connection, "tunnel-udp", options, &udpApplication{UDPConn: socket})
	})
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
