package plan

import "testing"

func TestRouteMatches(t *testing.T) {
	for _, test := range []struct {
		method, pattern, asked, path string
		want                         bool
	}{
		{"GET", "/a/*", "GET", "/a/b", true},
		{"GET", "/a/*", "GET", "/a/*", true}, // a name of operations
		{"GET", "/a/b", "GET", "/a/*", false},
		{"GET", "/a/*", "HEAD", "/a/b", true},
		{"POST", "/a", "HEAD", "/a", false},
		{"*", "/a", "BREW", "/a/", true},
		{"GET", "/a/*", "GET", "/a/", false},
		{"GET", "/a/*", "GET", "/a/b/c", false},
		{"GET", "/a/**", "GET", "/a/b/c", true},
		{"GET", "/a/**", "GET", "/a", true},
		{"GET", "/a/**", "GET", "/ab", false},
		{"GET", "/**", "GET", "/", true},
		{"GET", "/", "GET", "/", true},
		{"GET", "/", "GET", "/a", false},
	} {
		r := Route{Method: test.method, Path: test.pattern}
		if got := r.Matches(test.asked, test.path); got != test.want {
			t.Errorf("%s %s for %s %s: %v", test.method, test.pattern, test.asked, test.path, got)
		}
	}
}
