package plan

import (
	"net/http"
	"strings"
)

// Matches reports whether the route answers requests of a method for a path. HEAD is answered as GET is. A star
// in the path asked for matches a star of the route only, so that names of operations can be matched as well.
func (r *Route) Matches(method, path string) bool {
	if r.Method != "*" && r.Method != method && (r.Method != http.MethodGet || method != http.MethodHead) {
		return false
	}
	pattern, all := strings.CutSuffix(r.Path, "/**")
	want := strings.Split(strings.TrimSuffix(pattern, "/"), "/")
	got := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(got) < len(want) || len(got) > len(want) && !all {
		return false
	}
	for i, segment := range want {
		if segment != got[i] && (segment != "*" || got[i] == "") {
			return false
		}
	}
	return true
}
