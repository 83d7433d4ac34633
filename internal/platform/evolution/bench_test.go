package evolution

import (
	"testing"

	"github.com/valyala/fasthttp"

	"parley"
	"parley/internal/platform"
)

func BenchmarkWebhook(b *testing.B) {
	p := newTest(nil)
	m := p.Message(p.User(17), 4, "Do you have time on Friday at half past ten? \"Thanks\"", moment())
	b.ReportAllocs()
	for b.Loop() {
		_ = p.Webhook(nil, m)
	}
}

func BenchmarkSendText(b *testing.B) {
	var delivered, recorded int
	p := newTest(func(o *Options) {
		o.Known = func(string) bool { return true }
		o.Deliver = func(platform.Reply) { delivered++ }
		o.Record = func(parley.Call) { recorded++ }
		o.Attribute = func(string) int64 { return 7 }
	})
	ctx := newContext("POST", sendText, `{"number":"`+p.User(17).Number+`","text":"Friday at 10:30 is free. Shall I book it for you?"}`)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		p.Handler(ctx)
	}
	if ctx.Response.StatusCode() != fasthttp.StatusCreated || delivered != recorded {
		b.Fatalf("status %d, %d delivered, %d recorded", ctx.Response.StatusCode(), delivered, recorded)
	}
}

func BenchmarkVoiceWebhook(b *testing.B) {
	p := newTest(func(o *Options) { o.Config.Media = "base64" })
	m := p.Message(p.User(17), 4, voiceWords, moment())
	m.Voice = true
	b.ReportAllocs()
	for b.Loop() {
		_ = p.Webhook(nil, m)
	}
}
