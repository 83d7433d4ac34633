package upstream

import (
	"net/http"
	"strings"
	"testing"
)

func TestOperationPath(t *testing.T) {
	for path, want := range map[string]string{
		"/":                              "/",
		"/v1/orders":                     "/v1/orders",
		"/v12/orders/7/lines/":           "/v12/orders/*/lines",
		"/v1/customers/5511988887777":    "/v1/customers/*",
		"/users/ana%40b.example/x":       "/users/*/x",
		"/users/ana@b.example":           "/users/*",
		"/a/b/c/d/e/f/g/h":               "/a/b/c/d/e/f/*",
		"/v1/" + strings.Repeat("x", 25): "/v1/*",
		"/v1beta2/x":                     "/*/x",
	} {
		if got := OperationPath(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestSaidHoldsNoCredentials(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/a?b=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	r.Header.Set("User-Agent", "agent")
	r.Header.Set("X-Customer", "17")
	text := string(Said(r, []byte("body"), []string{"Authorization"}))
	if text != "/a?b=1\n17\nbody" {
		t.Errorf("%q", text)
	}
}
