package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

type message struct {
	Type     string      `json:"type"`
	Payload  interface{} `json:"payload"`
	TargetID string      `json:"target_id,omitempty"`
	SenderID string      `json:"sender_id,omitempty"`
}

type connection struct {
	*websocket.Conn
	id string
}

// dial connects under a path of its own and offers compression, which the server need not take.
func dial(id string, header http.Header) (*connection, error) {
	dialer := websocket.Dialer{HandshakeTimeout: patience, EnableCompression: true, WriteBufferSize: 512}
	socket, response, err := dialer.Dial(*url+"/any/path?of="+id, header)
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("%w: HTTP %d", err, response.StatusCode)
		}
		return nil, err
	}
	return &connection{socket, id}, nil
}

func (c *connection) say(kind, target string, payload interface{}) error {
	return c.WriteJSON(message{Type: kind, Payload: payload, TargetID: target, SenderID: c.id})
}

func (c *connection) hear() (message, error) {
	var m message
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return m, err
	}
	err := c.ReadJSON(&m)
	return m, err
}

// expect reads one message and compares what of it is given.
func (c *connection) expect(want message) error {
	got, err := c.hear()
	if err != nil {
		return fmt.Errorf("%s waits for %s: %w", c.id, want.Type, err)
	}
	same := got.Type == want.Type && (want.SenderID == "" || got.SenderID == want.SenderID) &&
		(want.TargetID == "" || got.TargetID == want.TargetID)
	if want.Payload != nil {
		gotJSON, _ := json.Marshal(got.Payload)
		wantJSON, _ := json.Marshal(want.Payload)
		same = same && string(gotJSON) == string(wantJSON)
	}
	if !same {
		return fmt.Errorf("%s got %+v, want %+v", c.id, got, want)
	}
	return nil
}

// expectError reads an `error` for this connection whose text has these words.
func (c *connection) expectError(words string) error {
	got, err := c.hear()
	if err != nil {
		return fmt.Errorf("%s waits for an error: %w", c.id, err)
	}
	text, isText := got.Payload.(string)
	if got.Type != "error" || !isText || !strings.Contains(text, words) || got.TargetID != c.id {
		return fmt.Errorf("%s got %+v, want an error about %q", c.id, got, words)
	}
	return nil
}

// expectClose reads until the server closes, which it has to do with this code.
func (c *connection) expectClose(code int) error {
	for {
		_, err := c.hear()
		var closed *websocket.CloseError
		switch {
		case err == nil:
			continue
		case !errors.As(err, &closed):
			return fmt.Errorf("%s waits for close %d: %w", c.id, code, err)
		case closed.Code != code:
			return fmt.Errorf("%s: closed with %d (%s), want %d", c.id, closed.Code, closed.Text, code)
		}
		return nil
	}
}

// register makes a host and proves that the server knows it.
func register(id string) (*connection, error) {
	host, err := dial(id, nil)
	if err != nil {
		return nil, err
	}
	if err := host.say("register-host", "", nil); err != nil {
		return nil, err
	}
	return host, reach(host)
}

// reach proves that a client can send to `host`.
func reach(host *connection) error {
	client, err := dial("client-of-"+host.id, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		if err := client.say("candidate", host.id, nil); err != nil {
			return err
		}
		if err := client.say("offer", "nobody", nil); err != nil {
			return err
		}
		m, err := client.hear()
		if err != nil {
			return err
		}
		if text, _ := m.Payload.(string); strings.Contains(text, "'nobody'") {
			return host.expect(message{Type: "candidate", SenderID: client.id})
		}
		if _, err := client.hear(); err != nil { // the answer about nobody
			return err
		}
	}
}
