package main

import (
	"io"
	"net"
	"sync"
)

// udpApplications tells the applications at one local UDP port apart by their source addresses. With onlyFirst it does as the
// original does: whatever comes belongs to the first one, and all answers go there.
type udpApplications struct {
	socket    *net.UDPConn
	onlyFirst bool
	mutex     sync.Mutex
	sources   map[string]*udpSource
}

func listenUDP(address string, onlyFirst bool) (*udpApplications, error) {
	resolved, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp", resolved)
	if err != nil {
		return nil, err
	}
	return &udpApplications{socket: socket, onlyFirst: onlyFirst, sources: map[string]*udpSource{}}, nil
}

// accept hands datagrams to their sources until one comes from a new source, which it returns.
func (a *udpApplications) accept() (*udpSource, error) {
	buffer := make([]byte, sendBuffer())
	for {
		n, from, err := a.socket.ReadFromUDP(buffer)
		if err != nil {
			return nil, err
		}
		source, isNew := a.find(from)
		select {
		case source.inbox <- append([]byte(nil), buffer[:n]...):
		default: // as a full socket buffer would
		}
		if isNew {
			return source, nil
		}
	}
}

func (a *udpApplications) find(from *net.UDPAddr) (source *udpSource, isNew bool) {
	key := from.String()
	if a.onlyFirst {
		key = ""
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if known, ok := a.sources[key]; ok {
		if known.peer == nil {
			known.peer = from
		}
		return known, false
	}
	return a.add(key, from), true
}

// expect is the source of whatever will come first.
func (a *udpApplications) expect() *udpSource {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.add("", nil)
}

func (a *udpApplications) add(key string, peer *net.UDPAddr) *udpSource {
	made := &udpSource{owner: a, key: key, peer: peer, inbox: make(chan []byte, 1024), gone: make(chan struct{})}
	a.sources[key] = made
	return made
}

// udpSource is one application: each Read is one datagram from it, each Write one to it.
type udpSource struct {
	owner *udpApplications
	key   string
	peer  *net.UDPAddr
	inbox chan []byte
	gone  chan struct{}
}

func (s *udpSource) Read(buffer []byte) (int, error) {
	select {
	case datagram := <-s.inbox:
		return copy(buffer, datagram), nil
	case <-s.gone:
		return 0, io.EOF
	}
}

func (s *udpSource) Write(datagram []byte) (int, error) {
	return s.owner.socket.WriteToUDP(datagram, s.peer)
}

func (s *udpSource) Close() error {
	s.owner.mutex.Lock()
	defer s.owner.mutex.Unlock()
	if s.owner.sources[s.key] == s {
		delete(s.owner.sources, s.key)
		close(s.gone)
	}
	return nil
}
