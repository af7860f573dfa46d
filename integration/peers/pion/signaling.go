package main

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v3"
)

// message is one signaling message, written as the original writes it: a payload of null where there is none.
type message struct {
	Type     string          `json:"type"`
	Payload  json.RawMessage `json:"payload"`
	TargetID string          `json:"target_id,omitempty"`
	SenderID string          `json:"sender_id,omitempty"`
}

type sdpPayload struct {
	SDP webrtc.SessionDescription `json:"sdp"`
}

type candidatePayload struct {
	Candidate webrtc.ICECandidateInit `json:"candidate"`
}

// signaling is one connection to the signaling server, speaking under one ID.
type signaling struct {
	id     string
	socket *websocket.Conn
	mutex  sync.Mutex
}

func dialSignaling(url, id string) (*signaling, error) {
	socket, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		return nil, fmt.Errorf("signaling %s: %w", url, err)
	}
	return &signaling{id: id, socket: socket}, nil
}

func (s *signaling) send(kind, target string, payload interface{}) error {
	raw, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.socket.WriteJSON(message{Type: kind, Payload: raw, TargetID: target, SenderID: s.id})
}

func (s *signaling) receive() (message, error) {
	var m message
	err := s.socket.ReadJSON(&m)
	return m, err
}

func (s *signaling) sendCandidates(connection *webrtc.PeerConnection, target string) {
	connection.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			return
		}
		_ = s.send("candidate", target, candidatePayload{candidate.ToJSON()})
	})
}

// session is a peer connection that keeps candidates until its remote description is there.
type session struct {
	connection *webrtc.PeerConnection
	early      []webrtc.ICECandidateInit
}

func (s *session) addCandidate(raw json.RawMessage) error {
	var payload candidatePayload
	if err := json.Unmarshal(raw, &payload); err != nil {
		return err
	}
	if s.connection.RemoteDescription() == nil {
		s.early = append(s.early, payload.Candidate)
		return nil
	}
	return s.connection.AddICECandidate(payload.Candidate)
}

func (s *session) setRemote(raw json.RawMessage) error {
	var payload sdpPayload
	if err := json.Unmarshal(raw, &payload); err != nil {
		return err
	}
	if err := s.connection.SetRemoteDescription(payload.SDP); err != nil {
		return err
	}
	for _, candidate := range s.early {
		if err := s.connection.AddICECandidate(candidate); err != nil {
			return err
		}
	}
	s.early = nil
	return nil
}
