package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

type sdp map[string]map[string]string

func description(kind string) sdp {
	return sdp{"sdp": {"type": kind, "sdp": "v=0\r\n\u00fc\u4e2d\U0001f600\r\n"}}
}

func pair(name string) (host, client *connection, err error) {
	if host, err = register("host-" + name); err != nil {
		return nil, nil, err
	}
	client, err = dial("client-"+name, nil)
	return host, client, err
}

// converse sends an offer, an answer and candidates, each of which has to arrive as it was sent.
func converse(host, client *connection) error {
	candidate := map[string]map[string]interface{}{"candidate": {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "",
		"sdpMLineIndex": 0, "usernameFragment": nil}}
	for _, step := range []struct {
		from, to *connection
		kind     string
		payload  interface{}
	}{
		{client, host, "offer", description("offer")}, {client, host, "candidate", candidate},
		{host, client, "answer", description("answer")}, {host, client, "candidate", candidate},
	} {
		if err := step.from.say(step.kind, step.to.id, step.payload); err != nil {
			return err
		}
		if err := step.to.expect(message{Type: step.kind, SenderID: step.from.id, Payload: step.payload}); err != nil {
			return err
		}
	}
	return nil
}

func forwardsBothWays() error {
	host, client, err := pair("a")
	if err != nil {
		return err
	}
	return converse(host, client)
}

func duplicateID() error {
	host, err := register("taken")
	if err != nil {
		return err
	}
	go func() { // answers the server's question whether it is still there
		for {
			if _, _, err := host.ReadMessage(); err != nil {
				return
			}
		}
	}()
	second, err := dial("taken", nil)
	if err != nil {
		return err
	}
	if err := second.say("register-host", "", nil); err != nil {
		return err
	}
	if err := second.expectError("host with ID 'taken' already registered"); err != nil {
		return err
	}
	return second.expectClose(websocket.ClosePolicyViolation)
}

func emptyID() error {
	host, err := dial("", nil)
	if err != nil {
		return err
	}
	if err := host.say("register-host", "", nil); err != nil {
		return err
	}
	if m, err := host.hear(); err != nil || m.Type != "error" {
		return fmt.Errorf("got %+v, %v, want an error", m, err)
	}
	return host.expectClose(websocket.ClosePolicyViolation)
}

func unknownTarget() error {
	host, client, err := pair("b")
	if err != nil {
		return err
	}
	for _, target := range []string{"missing", ""} {
		if err := client.say("offer", target, description("offer")); err != nil {
			return err
		}
		words := "target host 'missing' not found"
		if target == "" {
			words = ""
		}
		if err := client.expectError(words); err != nil {
			return err
		}
	}
	return converse(host, client) // the connection stays
}

func answersPings() error {
	host, err := register("pinger")
	if err != nil {
		return err
	}
	for _, data := range []string{"", "four", strings.Repeat("x", 125)} {
		pong := make(chan string, 1)
		host.SetPongHandler(func(got string) error {
			pong <- got
			return errors.New("pong")
		})
		if err := host.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := host.hear(); len(pong) == 0 {
			return fmt.Errorf("no pong for %q: %w", data, err)
		}
		if got := <-pong; got != data {
			return fmt.Errorf("pong %q, want %q", got, data)
		}
		if host, err = register("pinger-" + fmt.Sprint(len(data))); err != nil { // a read that failed cannot be repeated
			return err
		}
	}
	return nil
}

// sendsPings: with pings each second (or two: the server rounds) and 3 s of patience, a peer that answers them lives on.
func sendsPings() error {
	host, err := register("patient")
	if err != nil {
		return err
	}
	pings := 0
	answer := host.PingHandler()
	host.SetPingHandler(func(data string) error {
		pings++
		return answer(data)
	})
	go func() {
		time.Sleep(5 * time.Second)
		_ = host.say("offer", "nobody", nil)
	}()
	if err := host.expectError("'nobody'"); err != nil {
		return err
	}
	if pings < 2 {
		return fmt.Errorf("%d pings in 5 s", pings)
	}
	return nil
}

func silentPeer() error {
	host, err := register("silent")
	if err != nil {
		return err
	}
	host.SetPingHandler(func(string) error { return nil })
	start := time.Now()
	_, err = host.hear()
	if seconds := time.Since(start).Seconds(); err == nil || seconds < 2 || seconds > 8 {
		return fmt.Errorf("ended after %.1f s with %v", seconds, err)
	}
	return nil
}

func silentNewcomer() error {
	newcomer, err := dial("newcomer", nil)
	if err != nil {
		return err
	}
	return newcomer.expectClose(websocket.CloseTryAgainLater)
}

// padded is a candidate message of exactly so many bytes.
func padded(c *connection, target string, size int) string {
	const form = `{"type":"candidate","payload":"%s","target_id":"%s","sender_id":"%s"}`
	return fmt.Sprintf(form, strings.Repeat("p", size-len(fmt.Sprintf(form, "", target, c.id))), target, c.id)
}

func sizeLimit() error {
	host, client, err := pair("c")
	if err != nil {
		return err
	}
	longest := padded(client, host.id, *limit)
	if err := client.WriteMessage(websocket.TextMessage, []byte(longest)); err != nil {
		return err
	}
	if err := host.expect(message{Type: "candidate", SenderID: client.id}); err != nil {
		return err
	}
	if err := client.WriteMessage(websocket.TextMessage, []byte(longest+" ")); err != nil {
		return err
	}
	if err := client.expectClose(websocket.CloseMessageTooBig); err != nil {
		return err
	}
	return reach(host)
}

// fragments: a message in frames of 512 bytes, with pings between them.
func fragments() error {
	host, client, err := pair("d")
	if err != nil {
		return err
	}
	client.EnableWriteCompression(false)
	writer, err := client.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	text := padded(client, host.id, 5000)
	for len(text) > 0 {
		size := min(1000, len(text))
		if _, err := writer.Write([]byte(text[:size])); err != nil {
			return err
		}
		text = text[size:]
		if err := client.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	if err := host.expect(message{Type: "candidate", SenderID: client.id}); err != nil {
		return err
	}
	return converse(host, client)
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// closeCodes: a close is answered with its own code; a malformed one with 1002.
func closeCodes() error {
	for _, step := range []struct {
		payload []byte
		want    int
	}{
		{websocket.FormatCloseMessage(websocket.CloseNormalClosure, "done"), websocket.CloseNormalClosure},
		{websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), websocket.CloseGoingAway},
		{websocket.FormatCloseMessage(3456, "own"), 3456},
		{nil, websocket.CloseNoStatusReceived},
		{[]byte{3}, websocket.CloseProtocolError},
	} {
		host, err := register("closing")
		if err != nil {
			return err
		}
		if err := host.WriteControl(websocket.CloseMessage, step.payload, time.Now().Add(patience)); err != nil {
			return err
		}
		if err := host.expectClose(step.want); err != nil {
			return err
		}
		host.Close()
	}
	return nil
}

// binaryFrame: the original reads JSON from frames of either kind.
func binaryFrame() error {
	host, client, err := pair("e")
	if err != nil {
		return err
	}
	if err := client.WriteMessage(websocket.BinaryMessage, []byte(padded(client, host.id, 200))); err != nil {
		return err
	}
	return host.expect(message{Type: "candidate", SenderID: client.id})
}

func badText() error {
	for _, text := range []string{"no JSON", "\xff\xfe", "[]", `{"type":1}`} {
		client, err := dial("bad", nil)
		if err != nil {
			return err
		}
		if err := client.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			return err
		}
		if err := client.expectClose(websocket.CloseInvalidFramePayloadData); err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
	}
	return nil
}

func token() error {
	for given, status := range map[string]int{"": http.StatusUnauthorized, "Bearer wrong": http.StatusUnauthorized, "Bearer right": 0} {
		header := http.Header{}
		if given != "" {
			header.Set("Authorization", given)
		}
		client, err := dial("somebody", header)
		if status == 0 && err != nil {
			return err
		}
		if status != 0 && (err == nil || !strings.HasSuffix(err.Error(), fmt.Sprintf("HTTP %d", status))) {
			return fmt.Errorf("with %q: %v, want HTTP %d", given, err, status)
		}
		if err == nil {
			client.Close()
		}
	}
	return nil
}

// manyConnections holds all pairs open at once, then lets each converse.
func manyConnections() error {
	type both struct{ host, client *connection }
	var pairs []both
	for number := 0; number < *count; number++ {
		host, client, err := pair(fmt.Sprint(number))
		if err != nil {
			return fmt.Errorf("pair %d: %w", number, err)
		}
		pairs = append(pairs, both{host, client})
	}
	for number, p := range pairs {
		if err := converse(p.host, p.client); err != nil {
			return fmt.Errorf("pair %d: %w", number, err)
		}
	}
	return nil
}
