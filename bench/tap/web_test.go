package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/internal/record"
)

func TestBodies(t *testing.T) {
	for name, body := range map[string]string{"request": asked(), "answer": answered()} {
		var object map[string]string
		if err := json.Unmarshal([]byte(body), &object); err != nil || len(body) != bodyLength || object["customer"] != customerNumber {
			t.Errorf("%s: %d bytes, %v: %s", name, len(body), err, body)
		}
	}
}

// TestPosterChecksAnswers: a wrong one is an error, and no exchange.
func TestPosterChecksAnswers(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n"
	for name, c := range map[string]struct {
		answer string
		right  bool
	}{
		"right":           {head + "Date: today\r\n\r\n" + answered(), true},
		"another status":  {strings.Replace(head, "200 OK", "502 Bad Gateway", 1) + "\r\n" + answered(), false},
		"another body":    {head + "\r\n" + strings.ToUpper(answered()), false},
		"a short body":    {head + "\r\n" + answered()[:1000], false},
		"another length":  {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false},
		"no length":       {"HTTP/1.1 200 OK\r\n\r\n" + answered(), false},
		"no number":       {"HTTP/1.1 200 OK\r\nContent-Length: all\r\n\r\n" + answered(), false},
		"not kept":        {head + "Connection: close\r\n\r\n" + answered(), false},
		"half a head":     {head, false},
		"nothing, closed": {"", false},
	} {
		near, far := net.Pipe()
		var serving sync.WaitGroup
		serving.Go(func() {
			_, _ = io.ReadFull(far, make([]byte, len(newPoster(nil, servicePath, serviceHost).request)))
			_, _ = io.WriteString(far, c.answer)
			_ = far.Close()
		})
		if err := newPoster(near, servicePath, serviceHost).ask(); (err == nil) != c.right {
			t.Errorf("%s: %v", name, err)
		}
		_ = near.Close()
		serving.Wait()
	}
}

// part runs a part of the program, which is a process of its own otherwise, and returns its address and what ends it.
func part(t *testing.T, name, told string) (address string, end func()) {
	t.Helper()
	in, tell := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(t.Context(), []string{name}, in, out)
		_ = out.CloseWithError(errors.Join(err, io.EOF))
		ended <- err
	}()
	if _, err := io.WriteString(tell, told); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return strings.TrimSpace(address), sync.OnceFunc(func() {
		_ = tell.Close()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// TestDoorsToHTTP: calls go through each door to the origin, and every one of them is in its record, with whose number stood in it.
func TestDoorsToHTTP(t *testing.T) {
	address, end := part(t, asOrigin, "{}")
	defer end()
	direct := url.URL{Scheme: "http", Host: address, Path: servicePath}
	for name, proxied := range map[string]bool{"reverse": false, "forward": true} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "record")
			told, err := json.Marshal(errand{Server: direct.String(), Proxy: proxied, Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			door, end := part(t, asTap, string(told))
			defer end()
			u, proxy := url.URL{Scheme: "http", Host: door, Path: servicePath}, ""
			if proxied {
				u.Host, proxy = serviceHost, door
			}
			a, err := dial(t.Context(), u.String(), proxy)
			if err != nil {
				t.Fatal(err)
			}
			const all = 20
			for range all {
				if err := a.ask(); err != nil {
					t.Fatal(err)
				}
			}
			_ = a.Close()
			end()
			r, err := record.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			calls := 0
			for c := range r.Calls() {
				calls++
				if c.Status != 200 || c.Operation != "POST "+servicePath || len(c.Identities) != 1 || c.ResponseBytes != bodyLength {
					t.Errorf("%+v", c)
				}
			}
			if calls != all || r.Err() != nil {
				t.Errorf("%d calls recorded of %d, %v", calls, all, r.Err())
			}
		})
	}
}

// TestNginx: it serves, and nothing is left of it.
func TestNginx(t *testing.T) {
	address, end := part(t, asOrigin, "{}")
	defer end()
	c, err := startNginx(t.Context(), (&url.URL{Scheme: "http", Host: address, Path: servicePath}).String())
	if errors.Is(err, errNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := dial(t.Context(), c.url, "")
	if err == nil {
		err = errors.Join(a.ask(), a.ask(), a.Close())
	}
	if err != nil || used(c.pid) == 0 {
		t.Errorf("%v; it took %v", err, used(c.pid))
	}
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	if a, err := dial(t.Context(), c.url, ""); err == nil {
		t.Errorf("somebody still listens at %s", c.url)
		_ = a.Close()
	}
}
