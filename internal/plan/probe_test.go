package plan

import (
	"testing"
	"time"
)

func TestProbe(t *testing.T) {
	f := func(name, target string, want Probe) {
		t.Helper()
		p := parse(t, "target: {webhook: \"http://127.0.0.1:8000/webhook\""+target+"}\nscenarios: [{turns: [Hi]}]\n")
		if p.Target.Probe != want {
			t.Errorf("%s: %+v, want %+v", name, p.Target.Probe, want)
		}
	}
	on := func(path string) Probe { return Probe{On: true, Path: path, Every: 100 * time.Millisecond} }
	f("nothing said", "", on(nowhere))
	f("on", ", probe: on", on(nowhere))
	f("off", ", probe: off", Probe{})
	f("no", `, probe: "false", ready: "http://127.0.0.1:8000/health"`, Probe{})
	f("the route that says whether it is ready asks databases", `, ready: "http://127.0.0.1:8000/health"`, on(nowhere))
	f("parley picks the port", `, ready: "http://127.0.0.1:8000/health", probe: {path: /live}`, on("/live"))
	f("less often", ", probe: {every: 1s}", Probe{On: true, Path: nowhere, Every: time.Second})
}
