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
	f("nothing said", "", on("/"))
	f("on", ", probe: on", on("/"))
	f("off", ", probe: off", Probe{})
	f("no", `, probe: "false", ready: "http://127.0.0.1:8000/health"`, Probe{})
	f("where the bot says that it is ready", `, ready: "http://127.0.0.1:8000/health?deep=1"`, on("/health"))
	f("the same machine by its name", `, ready: "http://localhost:8000/health"`, on("/health"))
	f("an escaped path", `, ready: "http://127.0.0.1:8000/a%2Fb"`, on("/a%2Fb"))
	f("no path there", `, ready: "http://127.0.0.1:8000"`, on("/"))
	f("another server says so", `, ready: "http://127.0.0.1:8001/health"`, on("/"))
	f("parley picks the port", `, ready: "http://127.0.0.1:8000/health", probe: {path: /live}`, on("/live"))
	f("less often", ", probe: {every: 1s}", Probe{On: true, Path: "/", Every: time.Second})

	p := parse(t, "target: {webhook: \"http://127.0.0.1:${PORT}/webhook\", ready: \"http://127.0.0.1:${PORT}/up\", command: x}\nscenarios: [{turns: [Hi]}]\n")
	if got := p.Target.Probe; got != on("/up") {
		t.Errorf("with a port that parley picks: %+v", got)
	}
}
