// Package evolution is the WhatsApp gateway Evolution API as a bot sees it, version 2 or 1:
// it builds the webhooks the gateway would send and serves the API through
// which the bot replies.
//
// Shapes, statuses and delays follow the gateway's source (2.3 and 1.8). The package
// sends nothing itself: webhooks are handed out for others to deliver, the send
// API is a handler that others serve, and nobody's phone is ever reached. It
// keeps no messages but the latest voice notes, and plays one instance.
package evolution

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/platform"
)

// Options configures a [Platform]. Functions may be called from many
// goroutines at once; those that are nil are not called.
type Options struct {
	Config  plan.Evolution
	Webhook string // where the gateway sends its webhooks
	Wire    string // name of the send API in records; default "evolution"
	Prefix  string // the first digits of every user's number; default "999"
	Seed    uint64 // of numbers, ids, latencies and faults
	Key     parley.Key
	// Finder appends the identities found in a request's body. Without it a call
	// carries the recipient's number and the ids of the messages it quotes or reads.
	Finder func(dst []uint64, body []byte) []uint64
	// Epoch is the start of the run: the zero of a call's times.
	Epoch time.Time
	// ServerURL is the gateway's own address as its webhooks state it.
	ServerURL string
	// Known reports whether the number is one of parley's users; nil: all are.
	Known func(number string) bool
	// Deliver gets each message at the moment the user sees it, before the bot gets the 201.
	// It also gets, at once, those to numbers which are not known.
	Deliver func(platform.Reply)
	// Notify gets the echo and status webhooks that follow from a delivered message.
	Notify func(platform.Scheduled)
	// Attribute returns the turn a call about the number belongs to, 0 for none.
	Attribute func(number string) int64
	// Record gets each call when it has ended, without an ID.
	Record func(parley.Call)
}

// Platform is one instance on the gateway. It is safe for concurrent use.
type Platform struct {
	opt     Options
	faults  *fault.Decider
	v1      bool
	routes  map[string]*route
	media   route // of files
	frames  frames
	notes   notes
	region  string // the users' digits between prefix and index
	width   int    // of the index in digits
	id      string // the instance's UUID
	set     atomic.Pointer[[]byte]
	sends   atomic.Bool // the bot has asked for send.message
	token   atomic.Pointer[token]
	sent    atomic.Uint64 // messages accepted, which numbers them
	retried atomic.Uint64
	retry   *retryPolicy

	exchanges sync.Pool // *exchange
	large     allowance
	closed    chan struct{}
	close     sync.Once
}

// New returns a Platform. Close it just before the server that uses its Handler shuts down.
func New(opt Options) *Platform {
	if opt.Wire == "" {
		opt.Wire = "evolution"
	}
	if opt.Prefix == "" {
		opt.Prefix = "999"
	}
	p := &Platform{
		opt:    opt,
		faults: fault.NewDecider(opt.Seed, opt.Wire, opt.Config.Faults),
		v1:     opt.Config.Version == "v1",
		media:  route{method: "GET", operation: "GET /media/{id}", open: true, serve: (*Platform).mediaFile},
		closed: make(chan struct{}),
		large:  newAllowance(),
		width:  max(1, NumberLength-3-len(opt.Prefix)),
		id:     uuid(opt.Seed, opt.Config.Instance),
	}
	// Never a leading zero in the middle part: it would look like a trunk prefix.
	p.region = strconv.FormatUint(100+mix(opt.Seed^seedOfRegion)%900, 10)
	p.routes = routes(p.v1)
	if opt.Config.Lenient {
		p.routes = joined(p.routes, routes(!p.v1))
	}
	p.frames = newFrames(opt, p.id)
	p.retry = p.newRetry()
	p.exchanges.New = func() any { return &exchange{} }
	return p
}

// Close ends every delay and every hang that is going on, so that the Handler's calls
// return and the server can shut down; later ones do not begin.
func (p *Platform) Close() {
	p.close.Do(func() { close(p.closed) })
}

// User returns the index-th virtual user, the same for the same seed. The number has
// 15 digits; distinct indexes below 10^(12 - length of the prefix) have distinct numbers.
func (p *Platform) User(index int64) platform.User {
	var space [32]byte
	number := append(space[:0], p.opt.Prefix...)
	number = append(number, p.region...)
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], uint64(index), 10)
	for range p.width - len(text) {
		number = append(number, '0')
	}
	number = append(number, text[max(0, len(text)-p.width):]...)
	return platform.User{
		Number: string(number),
		Name:   firstName(mix(p.opt.Seed^seedOfNames) + uint64(index)),
	}
}

// Message returns what the user says as message number seq of the run. Its id
// is "3EB0" and 18 hexadecimal digits, as WhatsApp's own clients make them, and
// follows from the seed and seq alone.
func (p *Platform) Message(from platform.User, seq int64, text string, at time.Time) platform.Message {
	return platform.Message{ID: messageID(MessageIDPrefix, p.opt.Seed^seedOfMessages, uint64(seq)), From: from, Text: text, At: at}
}

// Seeds of what is derived from the run's seed, so that one does not repeat another.
const (
	seedOfRegion   = 0x7265_6769_6f6e
	seedOfNames    = 0x6e61_6d65_73
	seedOfMessages = 0x6d65_7373_6167_6573
	seedOfReplies  = 0x7265_706c_6965_73
	seedOfDelays   = 0x6465_6c61_7973
	seedOfRetries  = 0x7265_7472_6965_73
)

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014), a bijection.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fold makes a word of a text.
func fold(text string) uint64 {
	word := uint64(len(text))
	for _, c := range []byte(text) {
		word = mix(word ^ uint64(c))
	}
	return word
}

// share turns a random word into a number in [0, 1).
func share(x uint64) float64 { return float64(x>>11) / (1 << 53) }

const upperHex = "0123456789ABCDEF"

// messageID is unique for each n of one seed: 16 of its digits are a bijection of n.
func messageID(prefix string, seed, n uint64) string {
	var id [MessageIDLength]byte
	i := copy(id[:], prefix)
	word := mix(mix(seed) + n)
	for shift := 60; shift >= 0; shift -= 4 {
		id[i] = upperHex[word>>shift&15]
		i++
	}
	tail := mix(word)
	id[i], id[i+1] = upperHex[tail>>4&15], upperHex[tail&15]
	return string(id[:])
}

// uuid is a version 4 UUID made from the seed and the name.
func uuid(seed uint64, name string) string {
	high := mix(seed ^ fold(name))
	low := mix(high)
	high = high&^0xf000 | 0x4000
	low = low&^(3<<62) | 2<<62
	const hex = "0123456789abcdef"
	var id [36]byte
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			id[at] = '-'
			at++
		}
		word := high
		if i >= 16 {
			word = low
		}
		id[at] = hex[word>>(60-4*(i%16))&15]
		at++
	}
	return string(id[:])
}

// firstName picks one of 40 names common in Brazil.
func firstName(n uint64) string {
	names := [...]string{
		"Ana", "Bruno", "Camila", "Diego", "Eduarda", "Felipe", "Gabriela", "Heitor", "Isabela", "João",
		"Karina", "Lucas", "Mariana", "Natália", "Otávio", "Paula", "Rafael", "Sofia", "Tiago", "Vitória",
		"Amanda", "Bernardo", "Carolina", "Daniel", "Elisa", "Fernanda", "Gustavo", "Helena", "Igor", "Júlia",
		"Larissa", "Mateus", "Nicolas", "Pedro", "Renata", "Samuel", "Tatiane", "Valentina", "Wagner", "Yasmin",
	}
	return names[n%uint64(len(names))]
}
