package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/e2e/product"
)

var (
	//go:embed look.js
	lookAround string
	//go:embed plan.yaml
	planText string
)

// seen is what lookAround tells.
type seen struct {
	Texts []struct {
		Words, Where string
		Size         float64
		Contrast     float64
		Large        bool
		Picture      bool
	}
	First, Badge, Verdict string
	VerdictBottom         float64
	Sections, Pictures    int
	ScrollWidth, Width    float64
	Edge                  float64 // how far things may reach
	Promises, Wide, Mute  []string
	Crowded               []string
	Answer                string
	Findings              []struct {
		Check  string
		Marked int
	}
	Terms            int
	Undefined        []string // figures without a definition
	Background, Main string
}

// A healthy bot and one that falls behind make pages of different words, signs and pictures.
func TestReport(t *testing.T) {
	built := product.Build(t)
	tests := []struct {
		name    string
		workers string
		phases  string
	}{
		{"healthy", "48", "[solo: 2s, warmup: 2s, steady: 6s, ramp: {for: 6s, from: 1, to: 2, growth: 2, step: 3s}]"},
		{"overloaded", "1", "[solo: 2s, warmup: 2s, steady: 8s]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := review(t, built, tt.workers, tt.phases)
			judgeFile(t, built, dir)
			run := readRun(t, dir)
			t.Logf("verdict: %s: %s", run.Verdict.Result, run.Verdict.Sentence)
			judge(t, filepath.Join(dir, "report.html"), tt.name, run)
		})
	}
}

// review runs a short review of the built-in bot and returns the run's folder.
func review(t *testing.T, built product.Binary, workers, phases string) string {
	t.Helper()
	text := product.Edit(t, planText, "[BINARY,", "["+built.Path+",", `"WORKERS"`, strconv.Quote(workers), ": PHASES\n", ": "+phases+"\n")
	dir := filepath.Join(t.TempDir(), "run")
	r := built.Run(t, nil, "review", "-f", product.Write(t, text), "--out", dir)
	if !slices.Contains([]int{parley.ExitPass, parley.ExitFail, parley.ExitCannotTell}, r.Code) {
		t.Fatalf("exit code %d\n%s\n%s", r.Code, r.Stdout, r.Stderr)
	}
	return dir
}

func readRun(t *testing.T, dir string) parley.Run {
	t.Helper()
	var run parley.Run
	data, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &run); err != nil {
		t.Fatal(err)
	}
	if run.Verdict == nil {
		t.Fatal("the run has no verdict")
	}
	return run
}

// judgeFile checks that the page is whole in itself and the same whenever it is made.
func judgeFile(t *testing.T, built product.Binary, dir string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if again := built.Run(t, nil, "report", dir, "--format", "html"); again.Code != 0 || again.Stdout != string(file) {
		t.Errorf("parley report makes another page than the run did (exit code %d):\n%s", again.Code, cmp.Diff(string(file), again.Stdout))
	}
	const most = 2 << 20
	if len(file) > most {
		t.Errorf("the page has %d bytes", len(file))
	}
	t.Logf("page: %d bytes", len(file))
}

// judge opens the page in every way it may be looked at.
func judge(t *testing.T, path, name string, run parley.Run) {
	chrome := browser(t)
	looks := []look{
		{name: "desktop", width: 1280, height: 900, scheme: "light"},
		{name: "desktop-dark", width: 1280, height: 900, scheme: "dark"},
		{name: "phone", width: 390, height: 844, phone: true, scheme: "light"},
		{name: "phone-dark", width: 390, height: 844, phone: true, scheme: "dark"},
		{name: "tablet", width: 768, height: 1024, scheme: "light"},
	}
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			p := open(chrome, t, path, l)
			s := ask[seen](t, p, lookAround)
			p.screenshot(t, name+"-"+l.name)
			judgeVerdict(t, s, l, run.Verdict)
			judgeDiagnosis(t, s, run.Diagnosis)
			judgeSight(t, s)
			t.Run("toggle", func(t *testing.T) { judgeToggle(t, p, s, name+"-"+l.name) })
			judgeQuiet(t, p)

			l.noScript = true
			still := open(chrome, t, path, l)
			t.Run("definitions", func(t *testing.T) { judgeDefinitions(t, still, name+"-"+l.name) })
			if diff := cmp.Diff(s.Main, ask[seen](t, still, lookAround).Main); diff != "" {
				t.Errorf("without JavaScript the page reads differently (-with +without):\n%s", diff)
			}
			judgeQuiet(t, still)
		})
	}
	t.Run("print", func(t *testing.T) {
		judgePrint(t, open(chrome, t, path, look{
			width: a4, height: 900, scheme: "dark", media: "print",
		}), name, run.Verdict)
	})
}

// judgeVerdict: the verdict is the first thing that is read, and it is the record's.
func judgeVerdict(t *testing.T, s seen, l look, v *parley.Verdict) {
	t.Helper()
	heading := strings.ReplaceAll(s.Verdict, "\u00a0", " ") // between numbers and their units
	if s.First != v.Sentence || heading != v.Sentence {
		t.Errorf("the first heading is %q and the h1 %q, the verdict %q", s.First, s.Verdict, v.Sentence)
	}
	if !strings.Contains(strings.ToLower(s.Badge), string(v.Result)) {
		t.Errorf("the badge says %q, the record %q", s.Badge, v.Result)
	}
	if s.VerdictBottom > float64(l.height) {
		t.Errorf("one has to scroll to read the verdict: it ends at %.0f px", s.VerdictBottom)
	}
	var results []string
	for _, b := range v.Budgets {
		results = append(results, string(b.Result))
	}
	if diff := cmp.Diff(results, s.Promises); diff != "" {
		t.Errorf("results of the budgets (-record +page):\n%s", diff)
	}
}

// judgeDiagnosis: the answer and the findings are the record's, and the calls that make one are marked in the picture of a turn.
func judgeDiagnosis(t *testing.T, s seen, d *parley.Diagnosis) {
	t.Helper()
	if d == nil || d.Answer == "" {
		t.Error("the run has no diagnosis")
		return
	}
	answer := strings.ReplaceAll(s.Answer, "\u00a0", " ")
	if answer == "" || !strings.HasSuffix(strings.ToLower(d.Answer), strings.ToLower(answer)) {
		t.Errorf("the page answers %q, the record %q", answer, d.Answer)
	}
	for i, f := range d.Findings {
		if i >= len(s.Findings) || s.Findings[i].Check != f.Check {
			t.Errorf("finding %d of the record is %s, the page has %+v", i+1, f.Check, s.Findings)
			continue
		}
		if len(f.Examples) > 0 && len(f.Examples[0].Calls) > 0 && s.Findings[i].Marked == 0 {
			t.Errorf("no call is marked in the turn that shows %s", f.Check)
		}
	}
}

// judgeSight: it can be read, by eye and by those who hear it.
func judgeSight(t *testing.T, s seen) {
	t.Helper()
	if s.ScrollWidth > s.Edge || len(s.Wide) > 0 {
		t.Errorf("the page is %.0f px wide on a screen of %.0f px; beyond the edge: %q", s.ScrollWidth, s.Width, s.Wide)
	}
	if len(s.Mute) > 0 {
		t.Errorf("pictures without a name: %q", s.Mute)
	}
	if s.Pictures < 3 || s.Sections < 5 || len(s.Texts) < 80 {
		t.Errorf("%d pictures, %d sections, %d pieces of text: too few", s.Pictures, s.Sections, len(s.Texts))
	}
	if len(s.Undefined) > 0 || s.Terms < 40 {
		t.Errorf("%d names with a definition; figures without one: %q", s.Terms, s.Undefined)
	}
	if len(s.Crowded) > 0 {
		t.Logf("words in pictures that touch: %q", s.Crowded) // ugly, and no reason to distrust the page
	}
	worst := s.Texts[0]
	for _, text := range s.Texts {
		need := 4.5
		if text.Large {
			need = 3
		}
		if text.Contrast < need {
			t.Errorf("contrast %.2f, need %.1f: %q in %s, %.0f px", text.Contrast, need, text.Words, text.Where, text.Size)
		}
		if text.Contrast < worst.Contrast {
			worst = text
		}
		if text.Size < 9 && !text.Picture {
			t.Errorf("%.1f px: %q in %s", text.Size, text.Words, text.Where)
		}
	}
	t.Logf("%d texts, least contrast %.2f (%q); %d pictures, %d sections", len(s.Texts), worst.Contrast, worst.Words, s.Pictures, s.Sections)
}

// judgeToggle: the button turns the page dark or light and back, and that can be read as well.
func judgeToggle(t *testing.T, p *tab, before seen, name string) {
	click := func() string {
		p.do(t, chromedp.Click(chromedp.CSS("#theme")))
		return get(t, p, chromedp.Text(chromedp.CSS("#theme")))
	}
	label := ask[string](t, p, `document.getElementById("theme").textContent`)
	other := click()
	if other == label {
		t.Errorf("the button says %q before and after", label)
	}
	s := ask[seen](t, p, lookAround)
	p.screenshot(t, name+"-toggled")
	if s.Background == before.Background {
		t.Errorf("the background stays %s", s.Background)
	}
	judgeSight(t, s)
	if back := click(); back != label {
		t.Errorf("after two clicks the button says %q, at first %q", back, label)
	}
	if s := ask[seen](t, p, lookAround); s.Background != before.Background {
		t.Errorf("after two clicks the background is %s, at first %s", s.Background, before.Background)
	}
}

// focused is what the keyboard's focus is on.
type focused struct {
	Word, Tip, Target string
	Overflow          bool
}

// judgeDefinitions: with the Tab key alone one comes to the names of figures, reads their definitions there, and with
// Enter goes to the definition itself; no script runs, and nothing makes the page wider than the screen.
func judgeDefinitions(t *testing.T, p *tab, name string) {
	const look = `(() => {
		const e = document.activeElement, tip = getComputedStyle(e, "::after");
		const wide = document.scrollingElement.scrollWidth > innerWidth;
		if (!e.matches(".term")) { return { word: "", tip: "", target: "", overflow: wide }; }
		return { word: e.textContent, tip: tip.content, target: e.hash.slice(1), overflow: wide };
	})()`
	seen := map[string]bool{}
	var last focused
	for range 40 {
		p.do(t, chromedp.KeyEvent(kb.Tab))
		f := ask[focused](t, p, look)
		if f.Overflow {
			t.Errorf("the page is wider than the screen with the focus on %q", f.Word)
		}
		if f.Word == "" {
			continue
		}
		if len(f.Tip) < 20 || f.Target == "" {
			t.Errorf("%q shows %q and leads to %q", f.Word, f.Tip, f.Target)
		}
		if len(seen) == 5 {
			p.screenshot(t, name+"-definition")
		}
		seen[f.Target], last = true, f
	}
	if len(seen) < 10 {
		t.Fatalf("Tab reaches only %d names with a definition", len(seen))
	}
	p.do(t, chromedp.KeyEvent(kb.Enter))
	at := ask[float64](t, p, `document.querySelector(":target")?.getBoundingClientRect().top ?? -1`)
	if height := ask[float64](t, p, "innerHeight"); at < 0 || at > height || !strings.HasPrefix(last.Target, "def-") {
		t.Errorf("Enter on %q leads to %q, which then is at %.0f of %.0f px", last.Word, last.Target, at, height)
	}
}

// judgeQuiet: it loads nothing but itself and nothing goes wrong.
func judgeQuiet(t *testing.T, p *tab) {
	t.Helper()
	requests, said := p.heard()
	if diff := cmp.Diff([]string{p.url}, requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if len(said) > 0 {
		t.Errorf("the browser says: %q", said)
	}
}

// a4 is the width of a sheet between the page's own margins of 12 mm, in CSS pixels.
const a4 = 703

// judgePrint: on paper everything is there, in dark ink on white, whatever the screen's theme.
func judgePrint(t *testing.T, p *tab, name string, v *parley.Verdict) {
	s := ask[seen](t, p, lookAround)
	judgeVerdict(t, s, look{height: 900}, v)
	judgeSight(t, s)
	if !strings.HasPrefix(s.Background, "rgb(255, 255, 255)") && !strings.HasSuffix(s.Background, "rgb(255, 255, 255)") {
		t.Errorf("the background is %s", s.Background)
	}
	p.screenshot(t, name+"-print")
	pdf := get(t, p, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	pages := pagesOf(t, pdf)
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pages) < 3 || len(pages) > 12 {
		t.Errorf("%d bytes of PDF, %d pages", len(pdf), len(pages))
	}
	t.Logf("%d pages", len(pages))
	if !strings.Contains(pages[0], squeezed(v.Sentence)) {
		t.Errorf("the first page lacks the verdict:\n%s", pages[0])
	}
	all := strings.Join(pages, "")
	for _, words := range []string{
		"Budgets", "Load over time", "How long users wait", "Where the time of a reply goes", "Conversations", "How far to trust this", "Definitions",
		"time from the user's last word until the bot's answer has reached the user",
	} {
		if !strings.Contains(all, squeezed(words)) {
			t.Errorf("no page has %q", words)
		}
	}
	if folder := os.Getenv("PARLEY_SCREENSHOTS"); folder != "" {
		keep(t, folder, name+".pdf", pdf)
	}
	judgeQuiet(t, p)
}
