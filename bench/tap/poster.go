package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// poster asks a service over HTTP/1.1 with a body, again and again on one connection.
type poster struct {
	net.Conn
	in                    *bufio.Reader
	request, answer, body []byte
}

// dialHTTP connects to a service, or to the forward proxy if one is named, which is then asked for absolute URLs.
func dialHTTP(ctx context.Context, u *url.URL, proxy string) (asker, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", cmp.Or(proxy, u.Host))
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	target := u.RequestURI()
	if proxy != "" {
		target = u.String()
	}
	return newPoster(c, target, u.Host), nil
}

func newPoster(c net.Conn, target, host string) *poster {
	body := asked()
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		target, host, len(body), body)
	answer := []byte(answered())
	return &poster{Conn: c, in: bufio.NewReader(c), request: []byte(request), answer: answer, body: make([]byte, len(answer))}
}

func (p *poster) ask() error {
	if _, err := p.Write(p.request); err != nil {
		return err
	}
	length, err := p.head()
	if err != nil {
		return fmt.Errorf("read the head of the answer: %w", err)
	}
	if length != len(p.answer) {
		return fmt.Errorf("an answer of %d bytes: %w", length, errWrong)
	}
	_, err = io.ReadFull(p.in, p.body)
	if err == nil && !bytes.Equal(p.body, p.answer) {
		err = errWrong
	}
	if err != nil {
		return fmt.Errorf("the request was answered %q: %w", p.body, err)
	}
	return nil
}

// head reads the head of an answer and returns the length of its body. The generator has a processor to share with what it measures,
// so that it reads no more of the head than it must.
func (p *poster) head() (length int, err error) {
	line, err := p.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("%q: %w", line, errWrong)
	}
	length = -1
	for {
		line, err := p.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(strings.TrimSpace(string(value))); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Connection")) && bytes.Contains(value, []byte("close")):
			return 0, errors.New("the connection is not kept")
		}
	}
	return length, nil
}
