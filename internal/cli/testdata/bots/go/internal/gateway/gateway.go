// Package gateway sends messages.
package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Client speaks to one instance of the gateway.
type Client struct {
	base, token, name string
	http              *http.Client
}

// New makes a client.
func New(base, token, name string) *Client {
	return &Client{base: base, token: token, name: name, http: &http.Client{Timeout: 15 * time.Second}}
}

// Say sends a text.
func (c *Client) Say(ctx context.Context, number, text string) error {
	body, err := json.Marshal(map[string]string{"number": number, "text": text})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/message/sendText/"+c.name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("apikey", c.token)
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("gateway: status %d", response.StatusCode)
	}
	return nil
}
