package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestRender writes every fixture as a page into the folder that
// PARLEY_REPORT_DIR names, for a person to look at.
func TestRender(t *testing.T) {
	dir := os.Getenv("PARLEY_REPORT_DIR")
	if dir == "" {
		t.Skip("PARLEY_REPORT_DIR is not set")
	}
	all := fixtures()
	all["summarized"] = summarized()
	for name, d := range all {
		var out bytes.Buffer
		if err := HTML(&out, d); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".html"), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
