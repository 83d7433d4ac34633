package app

import (
	"strings"
	"testing"
)

func TestExported(t *testing.T) {
	env := map[string]string{"B": "two words", "A": "it's"}
	f := func(format, want string) {
		t.Helper()
		if got, err := exported(env, format); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", format, got, err, want)
		}
	}
	f(EnvShell, "export A='it'\\''s'\nexport B='two words'\n")
	f(EnvDocker, "A=it's\nB=two words\n")
	f(EnvJSON, "{\n  \"A\": \"it's\",\n  \"B\": \"two words\"\n}\n")
	env["B"] = "two\nlines"
	f(EnvShell, "export A='it'\\''s'\nexport B='two\nlines'\n")
	if _, err := exported(env, EnvDocker); err == nil || !strings.Contains(err.Error(), "B holds a line break") || strings.Contains(err.Error(), "lines") {
		t.Errorf("an env-file: %v", err)
	}
}
