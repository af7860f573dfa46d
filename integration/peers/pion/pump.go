package main

import "io"

// pump joins an application and a channel until either direction ends, then closes both: the original knows no half-close.
func pump(app, channel io.ReadWriteCloser) {
	done := make(chan struct{}, 2)
	go func() {
		toChannel(channel, app)
		done <- struct{}{}
	}()
	go func() {
		toApplication(app, channel)
		done <- struct{}{}
	}()
	<-done
	app.Close()
	channel.Close()
}

func toChannel(channel io.Writer, app io.Reader) {
	buffer := make([]byte, sendBuffer())
	for {
		n, err := app.Read(buffer)
		if err != nil {
			return
		}
		if *empty {
			if _, err := channel.Write(nil); err != nil {
				return
			}
		}
		if _, err := channel.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func toApplication(app io.Writer, channel io.Reader) {
	buffer := make([]byte, receiveBuffer())
	for {
		n, err := channel.Read(buffer)
		if err != nil {
			return
		}
		if _, err := app.Write(buffer[:n]); err != nil {
			return
		}
	}
}
