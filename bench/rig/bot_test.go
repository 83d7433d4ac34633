package rig

import "testing"

func TestBetween(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"key":{"remoteJid":"999123@s.whatsapp.net"}}`, "999123"},
		{`{"key":{"remoteJid":"999123`, ""},
		{`{"key":{}}`, ""},
		{``, ""},
	} {
		if got := between([]byte(c.text), `"remoteJid":"`, '@'); string(got) != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
}
