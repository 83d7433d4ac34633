package plan

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley"
)

const checked = least + `checks:
  n-plus-one: {least: 8, share: 20%, wait: 250ms, none: 0, growth: 150%}
  delay-given-away:
    dismiss: " the typing pause is wanted "
`

func TestChecks(t *testing.T) {
	got := parse(t, checked).Checks
	want := map[string]Check{
		"n-plus-one":       {Limits: map[string]float64{"least": 8, "share": 0.2, "wait": 0.25, "none": 0, "growth": 1.5}},
		"delay-given-away": {Dismiss: "the typing pause is wanted"},
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "units" }, cmp.Ignore())); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if none := parse(t, least).Checks; none != nil {
		t.Errorf("a plan without checks has %v", none)
	}
}

// TestCheckErrors: what only the diagnosis can know is wrong is told with its place.
func TestCheckErrors(t *testing.T) {
	p := parse(t, checked)
	f := func(err error, want string) {
		t.Helper()
		list, ok := errors.AsType[Errors](err)
		switch {
		case want == "" && err == nil:
		case !ok || list.Error() != want:
			t.Errorf("%v, want %s", err, want)
		}
	}
	known := []string{"n-plus-one", "no-index"}
	f(p.CheckError("delay-given-away", "", append(known, "delay-given-awy")),
		`parley.yaml:5:3: checks.delay-given-away: there is no such check; did you mean "delay-given-awy"?`)
	f(p.CheckError("delay-given-away", "", known),
		`parley.yaml:5:3: checks.delay-given-away: there is no such check; known checks: n-plus-one, no-index`)
	f(p.CheckError("n-plus-one", "least", []string{"last"}),
		`parley.yaml:4:16: checks.n-plus-one.least: the check has no such threshold; did you mean "last"?`)
	f(p.CheckError("n-plus-one", "wait", []string{"share_of_reply"}),
		`parley.yaml:4:38: checks.n-plus-one.wait: the check has no such threshold; known thresholds: dismiss, share_of_reply`)

	f(p.CheckUnitError("n-plus-one", "least", parley.Count), "")
	f(p.CheckUnitError("n-plus-one", "least", parley.Dollars), "")
	f(p.CheckUnitError("n-plus-one", "share", parley.Ratio), "")
	f(p.CheckUnitError("n-plus-one", "wait", parley.Seconds), "")
	f(p.CheckUnitError("n-plus-one", "none", parley.Seconds), "")
	f(p.CheckUnitError("n-plus-one", "absent", parley.Seconds), "")
	f(p.CheckUnitError("absent", "least", parley.Seconds), "")
	f(p.CheckUnitError("n-plus-one", "least", parley.Seconds),
		`parley.yaml:4:16: checks.n-plus-one.least: the threshold is a duration; write 8s or 8ms`)
	f(p.CheckUnitError("n-plus-one", "least", parley.Ratio),
		`parley.yaml:4:16: checks.n-plus-one.least: the threshold is a share; write 20% or 0.2`)
	f(p.CheckUnitError("n-plus-one", "wait", parley.Count),
		`parley.yaml:4:38: checks.n-plus-one.wait: the threshold is a number; write it without a unit`)
}
