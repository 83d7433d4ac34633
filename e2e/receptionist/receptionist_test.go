package receptionist

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/e2e/product"
	"parley/internal/record"
)

// Operations of the simulated services, as the record names them.
const (
	opChat       = "POST /v1/chat/completions"
	opTranscribe = "POST /v1/audio/transcriptions"
	opSend       = "POST /message/sendText/{instance}"
	opRead       = "POST /chat/markMessageAsRead/{instance}"
	opMedia      = "POST /chat/getBase64FromMediaMessage/{instance}"
	opFreeBusy   = "freebusy.query"
	opInsert     = "events.insert"
	opDelete     = "events.delete"
	opToken      = "token"
)

// operations are all of them, by what the bot's log calls them.
func operations() map[string]string {
	return map[string]string{
		"llm.chat": opChat, "llm.transcribe": opTranscribe,
		"evolution.send": opSend, "evolution.read": opRead, "evolution.media": opMedia,
		"calendar.freebusy": opFreeBusy, "calendar.insert": opInsert, "calendar.delete": opDelete, "calendar.token": opToken,
	}
}

// evidence is all that is left of one run.
type evidence struct {
	dir     string
	run     *parley.Run
	turns   []parley.Turn
	replies []parley.Reply
	calls   []parley.Call
	missing []string // what the reader says the record lacks
	log     spanLog
	books   books
	// zero is the start of the run on the bot's clock.
	zero    time.Duration
	truth   truth
	secrets map[string]string // what must not stand in the record, by what it is
	said    string            // on stdout and stderr
	report  report
}

func TestReceptionist(t *testing.T) {
	adoptOrphans(t)
	built := product.Build(t)
	e := review(t, built)
	t.Run("nothing is left running", judgeLeft)
	t.Run("every turn is accounted for", e.judgeAccounts)
	e.truth = match(t, e.log, e.turns, e.zero)
	t.Run("calls", e.judgeCalls)
	t.Run("language model", e.judgeModel)
	t.Run("replies", e.judgeReplies)
	t.Run("voice notes", e.judgeVoice)
	t.Run("books", e.judgeBooks)
	t.Run("goals", e.judgeGoals)
	t.Run("money", e.judgeMoney)
	t.Run("secrets", e.judgeSecrets)
}

// review plays a short version of the example's quick plan and gathers what is left.
func review(t *testing.T, built product.Binary) *evidence {
	t.Helper()
	plan, notes := planOf(t, built, "[solo: 3s, warmup: 4s, steady: 12s]")
	e := &evidence{dir: filepath.Join(t.TempDir(), "run"), secrets: map[string]string{
		"OpenAI key": "sk-" + rand.Text(), "Evolution key": rand.Text(),
	}}
	env := []string{
		"OPENAI_API_KEY=" + e.secrets["OpenAI key"], "EVOLUTION_API_KEY=" + e.secrets["Evolution key"], "PYTHONDONTWRITEBYTECODE=1",
	}
	r := built.Run(t, env, "review", "-f", plan, "--out", e.dir)
	e.said = r.Stdout + r.Stderr
	if !slices.Contains([]int{parley.ExitPass, parley.ExitFail, parley.ExitCannotTell}, r.Code) {
		t.Fatalf("exit code %d\n%s", r.Code, e.said)
	}
	e.report = reportOf(t, built, e.dir)
	if e.read(t, notes); e.run.State != parley.Complete || len(e.missing) > 0 {
		t.Errorf("the record is %s, missing %q", e.run.State, e.missing)
	}
	e.findPasswords(t, filepath.Join(notes, "address"))
	e.findKey(t, filepath.Join(notes, "key"))
	return e
}

// planOf makes a plan of other phases from the example's quick one. The folder notes is for
// what the bot writes aside: its spans, and the addresses it was given.
func planOf(t *testing.T, built product.Binary, phases string) (path, notes string) {
	t.Helper()
	notes = t.TempDir()
	home := filepath.Join(built.Root, "examples", "receptionist")
	text, err := os.ReadFile(filepath.Join(home, "parley-quick.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	plan := product.Edit(t, string(text),
		"\n  platform: evolution\n", "\n  platform: evolution\n  dir: "+home+"\n",
		`    WEB_WORKERS: "2"`, `    WEB_WORKERS: "2"`+"\n    SPAN_LOG: "+filepath.Join(notes, "spans")+"\n    LEDGER: "+filepath.Join(notes, "books"),
		// Some ten at once, and many that come to their end.
		"conversations_per_hour: 3000", "conversations_per_hour: 6000",
		"lognormal(p50=1.4s, p95=3s)", "lognormal(p50=400ms, p95=900ms)",
		// Some bookings fail for good, so that some who want one go without.
		"      write_latency:", `      faults: ["30% status 400 on events.insert"]`+"\n      write_latency:",
		"setup: [/usr/bin/python3, -m, receptionist.setup]",
		`setup: [sh, -c, 'printf "%s\n" "$DATABASE_URL" "$REDIS_URL" >`+filepath.Join(notes, "address")+
			` && cp "$GOOGLE_APPLICATION_CREDENTIALS" `+filepath.Join(notes, "key")+
			` && exec /usr/bin/python3 -B -m receptionist.setup']`,
	)
	return product.Write(t, product.Phases(t, plan, phases)), notes
}

// read opens the record and the bot's log.
func (e *evidence) read(t *testing.T, notes string) {
	t.Helper()
	reader, err := record.Open(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	e.run = reader.Run()
	e.turns = slices.SortedFunc(reader.Turns(), func(a, b parley.Turn) int { return int(a.Sent - b.Sent) })
	e.replies, e.calls = slices.Collect(reader.Replies()), slices.Collect(reader.Calls())
	if err := reader.Err(); err != nil {
		t.Fatal(err)
	}
	e.missing = reader.Missing()
	e.log = readSpans(t, filepath.Join(notes, "spans"))
	e.books = readNotes[note](t, filepath.Join(notes, "books"))
	e.zero = monotonic(t, e.run.Started)
	t.Logf("%d turns, %d replies, %d calls; %d spans", len(e.turns), len(e.replies), len(e.calls), len(e.log))
}

// findPasswords adds the passwords of the private servers to the secrets.
func (e *evidence) findPasswords(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		u, err := url.Parse(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if password, ok := u.User.Password(); ok {
			e.secrets[u.Scheme+" password"] = password
		}
	}
	if e.secrets["postgres password"]+e.secrets["postgresql password"] == "" {
		t.Log("the private PostgreSQL has no password")
	}
}

// findKey adds what makes the service account's key a secret.
func (e *evidence) findKey(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Key string `json:"private_key"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(file.Key, "\n")
	if len(lines) < 4 {
		t.Fatal("the service account has no key")
	}
	e.secrets["Google key"] = lines[len(lines)/2]
}

// judgeAccounts: every turn ended, and messages add up.
func (e *evidence) judgeAccounts(t *testing.T) {
	seen := map[int64]bool{}
	var sent, acked, answered, canary int64
	for _, turn := range e.turns {
		if seen[turn.ID] {
			t.Errorf("turn %d has two rows", turn.ID)
		}
		seen[turn.ID] = true
		if turn.Outcome != parley.Answered || turn.Failed() || turn.Duplicates+turn.Late+turn.Disordered > 0 {
			t.Errorf("turn %d in %s: %s %q, %d refused, %d duplicates, %d late, %d out of order", turn.ID, turn.Phase,
				turn.Outcome, turn.Failure, turn.Refused, turn.Duplicates, turn.Late, turn.Disordered)
		}
		if turn.Attempts != turn.Said || len(turn.Messages) != int(turn.Said) {
			t.Errorf("turn %d: %d messages, %d ids, %d attempts", turn.ID, turn.Said, len(turn.Messages), turn.Attempts)
		}
		if turn.Phase == string(parley.Canary) {
			canary += int64(turn.Said)
			continue
		}
		sent += int64(turn.Said)
		if turn.Acked != parley.None {
			acked += int64(turn.Said)
		}
		if turn.Outcome == parley.Answered {
			answered += int64(turn.Said)
		}
	}
	m := e.run.Messages
	t.Logf("planned %d, sent %d, acknowledged %d, answered %d; canary %d", m.Planned, m.Sent, m.Acked, m.Answered, canary)
	if m.Planned < m.Sent || m.Sent != sent || m.Acked != acked || m.Answered != answered || sent != acked || sent != answered {
		t.Errorf("run.json: %+v; rows: sent %d, acknowledged %d, answered %d", m, sent, acked, answered)
	}
	if sent < 20 {
		t.Errorf("only %d messages: too few to judge by", sent)
	}
	ids := map[string]bool{}
	for _, s := range e.log.messages() {
		ids[s.Message] = true
	}
	if n := int64(len(e.log.messages())); n != sent+canary || int64(len(ids)) != n {
		t.Errorf("the bot took %d messages with %d ids, parley said %d", n, len(ids), sent+canary)
	}
	answeredByBot := 0
	for _, s := range e.log.named("turn") {
		answeredByBot += len(s.Messages)
	}
	if int64(answeredByBot) != sent+canary {
		t.Errorf("the bot answered %d messages, parley said %d", answeredByBot, sent+canary)
	}
}

// callsTo are the recorded calls of one operation.
func (e *evidence) callsTo(operation string) []parley.Call {
	return slices.DeleteFunc(slices.Clone(e.calls), func(c parley.Call) bool { return c.Operation != operation })
}

// judgeCalls: each call the bot made by HTTP is in the record, at its time, with its turn, and no other.
func (e *evidence) judgeCalls(t *testing.T) {
	others := 0
	for _, c := range e.calls {
		if slices.Contains([]string{"evolution", "openai", "calendar"}, c.Wire) {
			others++
		}
	}
	for name, operation := range operations() {
		calls := e.callsTo(operation)
		others -= len(calls)
		t.Run(name, func(t *testing.T) { e.judgePairs(t, name, e.log.named(name), calls) })
	}
	if others != 0 {
		t.Errorf("%d recorded calls of which the bot knows nothing", others)
	}
}

// judgeModel: the model was asked as often as the bot's turns and tools say.
func (e *evidence) judgeModel(t *testing.T) {
	chats, tools := e.log.named("llm.chat"), e.log.named("tool")
	failed := len(tools)
	tools = slices.DeleteFunc(tools, func(s span) bool { return s.Error != "" })
	failed -= len(tools)
	// A completion either calls one tool, after which there is another, or is the answer. A tool that fails ends the turn.
	if want := len(e.log.named("turn")) + len(tools); len(chats) != want {
		t.Errorf("%d calls to the model for %d turns of the bot and %d tools", len(chats), len(e.log.named("turn")), len(tools))
	}
	byTool := map[string]int{}
	perTurn := map[int64]int{}
	for _, s := range tools {
		byTool[s.Tool]++
		perTurn[e.truth.turnOf[s.Message]]++
	}
	for _, s := range e.log.named("turn") {
		perTurn[e.truth.turnOf[s.Message]]++
	}
	recorded := map[int64]int{}
	for _, c := range e.callsTo(opChat) {
		recorded[c.Turn]++
	}
	for _, turn := range e.turns {
		if perTurn[turn.ID] != recorded[turn.ID] {
			t.Errorf("turn %d (%s): the bot needed %d calls to the model, the record has %d", turn.ID, turn.Scenario, perTurn[turn.ID], recorded[turn.ID])
		}
	}
	t.Logf("tools: %v, %d failed", byTool, failed)
	if len(byTool) < 2 {
		t.Error("fewer than two kinds of tools were used: too few to judge by")
	}
}

// judgePairs holds one kind of call against the bot's own notes of it.
func (e *evidence) judgePairs(t *testing.T, what string, spans spanLog, calls []parley.Call) {
	t.Helper()
	var longer []time.Duration
	wrong, unknown := 0, 0
	by := map[parley.Attribution]int{}
	for _, p := range e.pairs(t, what, spans, calls) {
		longer = append(longer, p.span.length()-p.call.Duration())
		if p.span.Status != int(p.call.Status) || p.span.Attempt != int(p.call.Retry) && p.call.Operation == opChat {
			t.Errorf("%s: status %d and attempt %d for the bot, %d and %d by the record", what, p.span.Status, p.span.Attempt, p.call.Status, p.call.Retry)
		}
		by[p.call.By]++
		switch want := e.truth.turnOf[p.span.Message]; {
		case p.call.Turn == 0:
			unknown++
		case p.call.Turn != want:
			wrong++
			t.Errorf("%s: a call of turn %d is recorded as of turn %d, by %s", what, want, p.call.Turn, p.call.By)
		}
	}
	least, middle, largest := spread(longer)
	if middle < -slack/4 { // of few calls even the median may be off
		t.Errorf("%s: the bot sees them shorter than the record, by %v (median)", what, -middle)
	}
	t.Logf("%s: %d; attributed by %v, %d unknown, %d wrong; the bot sees them longer by %v (median; %v to %v)",
		what, len(spans), by, unknown, wrong, middle, least, largest)
}

// judgeReplies: each reply is one send of the bot, and the wait of a turn is what the bot's log says.
func (e *evidence) judgeReplies(t *testing.T) {
	sends := e.log.named("evolution.send")
	if len(e.replies) != len(sends) {
		t.Errorf("%d replies, %d sends of the bot", len(e.replies), len(sends))
	}
	perUser := map[uint64]int{}
	for _, s := range sends {
		perUser[e.truth.userOf[s.User]]++
	}
	for _, r := range e.replies {
		perUser[r.User]--
	}
	for user, n := range perUser {
		if n != 0 {
			t.Errorf("user %x: %d more sends than replies", user, n)
		}
	}
	first, last := map[int64]span{}, map[int64]span{} // the message heard last, the answer sent last
	for _, s := range e.log.messages() {
		first[e.truth.turnOf[s.Message]] = s
	}
	for _, s := range sends {
		last[e.truth.turnOf[s.Message]] = s
	}
	var apart []time.Duration
	for _, turn := range e.turns {
		wait, _ := turn.ReplyLatency()
		seen := last[turn.ID].End - first[turn.ID].Start
		apart = append(apart, wait-seen)
	}
	least, middle, largest := spread(apart)
	t.Logf("the wait of a turn differs from the bot's log by %v (median; %v to %v)", middle, least, largest)
	// Whatever the speed of the machine, the two cannot be a whole call to the model apart.
	if middle.Abs() > 100*time.Millisecond {
		t.Errorf("median difference %v", middle)
	}
}

// judgeSecrets: neither keys nor what tells who users are stand anywhere in the run's folder.
func (e *evidence) judgeSecrets(t *testing.T) {
	for _, s := range e.log.messages() {
		e.secrets["number "+s.User] = s.User
		e.secrets["id "+s.Message] = s.Message
	}
	rows, err := json.Marshal([]any{e.run, e.turns, e.replies, e.calls}) // the tables are compressed
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"the rows": rows, "the output": []byte(e.said)}
	err = filepath.WalkDir(e.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[entry.Name()], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		for what, secret := range e.secrets {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds the %s", name, what)
			}
		}
	}
	t.Logf("%d secrets, %d files", len(e.secrets), len(files))
}
