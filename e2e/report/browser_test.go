package report

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const chromium = "/usr/bin/chromium"

// browser starts Chromium with a fresh profile. Every tab is a child of the context.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(40*time.Second),
	)
	// The test's own context ends before its cleanups, and would kill the browser in the middle of its profile.
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", chromium, err)
	}
	t.Cleanup(func() {
		within, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := chromedp.Cancel(within); err != nil {
			t.Errorf("stop the browser: %v", err)
		}
	})
	return ctx
}

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	phone         bool
	scheme        string // prefers-color-scheme
	media         string // "print", or empty for the screen
	noScript      bool
}

// tab is one opened report.
type tab struct {
	ctx context.Context
	url string

	mu       sync.Mutex
	requests []string
	said     []string // on the console, and by the browser about the page
}

// open loads the file as l says, and notes everything it loads and says.
func open(parent context.Context, t *testing.T, path string, l look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	p := &tab{ctx: ctx, url: "file://" + path}
	if err := chromedp.Listen(ctx, p.note); err != nil { // which opens the tab
		t.Fatal(err)
	}
	p.ctx, cancel = context.WithTimeout(ctx, 40*time.Second)
	t.Cleanup(cancel)
	p.do(t,
		command(network.Enable, network.EnableParams{}),
		command(log.Enable, cdp.Empty{}),
		command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.phone,
		}),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: l.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
		}),
		command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript}),
		chromedp.Navigate(p.url),
	)
	return p
}

// command is one command of the browser's protocol.
func command[P any](c cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})
}

// note keeps what the browser reports.
func (p *tab) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		p.requests = append(p.requests, e.URL)
	case *runtime.EventExceptionThrown:
		p.said = append(p.said, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		p.said = append(p.said, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		p.said = append(p.said, fmt.Sprintf("%s (%s): %s", e.Entry.Level, e.Entry.Source, e.Entry.Text))
	}
}

// heard is what the page loaded and said so far.
func (p *tab) heard() (requests, said []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests), slices.Clone(p.said)
}

func (p *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// get runs an action that has a result.
func get[T any](t *testing.T, p *tab, action chromedp.Action[T]) T {
	t.Helper()
	answer, err := chromedp.Run(p.ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// ask evaluates an expression in the page; it works without JavaScript, too.
func ask[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	return get(t, p, chromedp.Evaluate[T](expression))
}

// screenshot keeps a picture of the whole page if somebody wants to see it.
func (p *tab) screenshot(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv("PARLEY_SCREENSHOTS")
	if folder == "" {
		return
	}
	keep(t, folder, name+".png", get(t, p, chromedp.FullScreenshot(100)))
}

func keep(t *testing.T, folder, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
