package survey

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// mark is what only a client of one service writes.
type mark struct {
	service Service
	mark    *regexp.Regexp
}

// marks lists them. A survey compiles them once.
func marks() []mark {
	return []mark{
		{Evolution, regexp.MustCompile(`/message/send\w*|\bsendText/|/chat/(?:sendPresence|markMessageAsRead|whatsappNumbers|findContacts)|/instance/(?:connectionState|fetchInstances)|["']apikey["']|\bapikey:`)},
		{OpenAI, regexp.MustCompile(`/chat/completions|chat\.completions|\b(?:Async)?OpenAI\(|\bChatOpenAI\(|\bopenai\.(?:NewClient|DefaultConfig)|\bcreateOpenAI\(|OpenAIEmbeddings\(|OpenAIChat\(`)},
		{Calendar, regexp.MustCompile(`calendar/v3|googleapiclient|google\.calendar\(|calendar\.NewService|build\(\s*["']calendar["']|/freeBusy\b`)},
		{Postgres, regexp.MustCompile(`\basyncpg\.(?:connect|create_pool)|\bpsycopg2?\b|\bcreate_(?:async_)?engine\(|\bpgx(?:pool)?\.(?:New|Connect|ParseConfig)|sql\.Open\("(?:postgres|pgx)"|` +
			`new (?:pg\.)?Pool\(|new (?:pg\.)?Client\(\s*\{?\s*(?:connectionString|host)|\bpostgres\(|new Sequelize\(|\bDatabase\(\s*["']?postgres|dj_database_url|new PrismaClient\(`)},
		{Redis, regexp.MustCompile(`\b(?:aio)?redis\.(?:asyncio\.)?(?:from_url|Redis|StrictRedis|ConnectionPool)|\bRedis(?:\.from_url)?\(|ConnectionPool\.from_url|new (?:IO)?Redis\(|\bredis\.(?:ParseURL|NewClient|createClient|Options)|createClient\(\s*\{\s*(?:url|socket)|\bRedisSaver|\bCelery\(`)},
		{LINE, regexp.MustCompile(`\blinebot\b|api\.line\.me|x-line-signature|X-Line-Signature|LineBotApi`)},
		{Cloud, regexp.MustCompile(`graph\.facebook\.com|x-hub-signature|X-Hub-Signature|hub\.verify_token|hub\.challenge`)},
		{Twilio, regexp.MustCompile(`api\.twilio\.com|twilio\.rest|MessagingResponse|require\(["']twilio["']\)`)},
		{Telegram, regexp.MustCompile(`api\.telegram\.org|\btelegraf\b|aiogram|python-telegram-bot`)},
		{Azure, regexp.MustCompile(`\b(?:Async)?AzureOpenAI\(|AzureChatOpenAI\(|azure_endpoint`)},
		{Anthropic, regexp.MustCompile(`api\.anthropic\.com|\b(?:Async)?Anthropic\(|ChatAnthropic\(`)},
		{Gemini, regexp.MustCompile(`generativelanguage\.googleapis|google\.generativeai|GoogleGenerativeAI\(|genai\.Client\(`)},
		{MongoDB, regexp.MustCompile(`\bMongoClient\(|mongoose\.connect|AsyncIOMotorClient\(`)},
	}
}

// single returns the service of a piece of code that has the marks of one only.
func (s *scene) single(code string) (service Service, found string) {
	for _, row := range s.marks {
		m := row.mark.FindString(code)
		switch {
		case m == "":
		case service == "" || service == OpenAI && row.service == Azure:
			service, found = row.service, m
		default:
			return "", ""
		}
	}
	return service, found
}

const (
	maxUses  = 60   // uses of one identifier that are looked at
	maxGroup = 3000 // characters of a piece of code that can have one purpose
)

// flows follows each variable to where the source uses it.
func (s *scene) flows() map[string][]vote {
	all := map[string][]vote{}
	keep := func(v *Variable, o vote) {
		if o.service != "" && !slices.ContainsFunc(all[v.Name], func(p vote) bool { return p.service == o.service && p.part == o.part }) {
			all[v.Name] = append(all[v.Name], o)
		}
	}
	for _, v := range s.vars {
		for _, f := range s.files {
			uses := f.words[v.Name] // where it is read
			for _, at := range uses[:min(len(uses), maxUses)] {
				keep(v, s.use(f, at, v))
			}
		}
	}
	names := make([]string, 0, len(s.aliases))
	for name := range s.aliases {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, f := range s.files {
			uses := f.words[name]
			for _, at := range uses[:min(len(uses), maxUses)] {
				if named.MatchString(f.code[at+len(name) : min(len(f.code), at+len(name)+20)]) {
					continue // of a keyword or a field, not a use of what it holds
				}
				if v := s.meant(name, f, at); v != nil {
					keep(v, s.use(f, at, v))
				}
			}
		}
	}
	return all
}

// named matches what follows a name that is given a value.
var named = regexp.MustCompile(`^["']?\s*(?::?=[^=]|:\s)`)

// meant returns the variable that an identifier stands for at some place, nil if it may be several.
func (s *scene) meant(name string, f *file, at int) (meant *Variable) {
	qualifier := f.callee(at) // "config.llm." before url
	parent := strings.TrimSuffix(qualifier, ".")
	parent = parent[strings.LastIndexByte(parent, '.')+1:]
	for _, a := range s.aliases[name] {
		switch {
		case a.parent != "" && a.local && parent != a.parent:
			continue
		case a.local && a.parent == "" && a.file != f:
			continue
		case a.file.lang != f.lang:
			continue
		}
		if meant != nil && meant != a.variable {
			return nil
		}
		meant = a.variable
	}
	return meant
}

var (
	keyBefore    = regexp.MustCompile("([A-Za-z_][\\w-]*)[\"']?\\s*[:=]\\s*(?:[a-z]?[\"'`][^\"'`]*)?(?:[\\w.$({\\[ \"'`]*)$")
	pathBefore   = regexp.MustCompile(`/message/\w+/\W*(?:["'` + "`" + `]\s*\+\s*)?[\w.${( ]*$`)
	apikeyBefore = regexp.MustCompile(`["']apikey["']\s*[,:\]]\s*[=]?\s*[\w.$({"']*$`)
	urlBefore    = regexp.MustCompile(`https?://[${(\s]*[\w.]*$`)
	pathAfter    = regexp.MustCompile("^[\\w.()\\]'\"]*[ }]*(?:[\"'`]?\\s*\\+?\\s*[\"'`]?)(/[\\w/-]+)")
)

// use says what a use of a variable shows. The line it stands on speaks first, then the brackets
// around it from the inside out, then the definition that is called with it.
func (s *scene) use(f *file, at int, v *Variable) vote {
	line := f.lineText(at)
	begin := f.starts[f.line(at)-1]
	before, after := f.code[begin:at], f.code[at:min(len(f.code), begin+len(line))]
	o := vote{weight: byFlow, at: f.place(at)}
	key := ""
	if m := keyBefore.FindStringSubmatch(before); m != nil {
		key = m[1]
	}
	switch {
	case key == "apikey", apikeyBefore.MatchString(before):
		o.service, o.part, o.why = Evolution, Key, "sends it as apikey"
		return o
	case pathBefore.MatchString(before):
		o.service, o.part, o.why = Evolution, Instance, "puts it into the path of the send API"
		return o
	}
	if m := pathAfter.FindStringSubmatch(after); m != nil {
		if service, mark := s.single(m[1]); service != "" {
			o.service, o.part, o.why = service, URL, "puts "+mark+" behind it"
			s.shape(v, service, m[1], before, o.at)
			return o
		}
	}
	if secretHeader.MatchString(line) && v.SecretLooking() {
		o.service, o.part, o.why = Webhook, Key, "holds it against the header of a webhook"
		return o
	}
	key = strings.ToLower(key)
	o.part = partByKey(key, v.Name)
	if service, mark := s.single(line); service != "" {
		o.service, o.why = service, "uses it with "+trim(mark)
		return o.named(v)
	}
	return s.around(f, at, v, o, key)
}

// around looks at the brackets around a use, from the inside out.
func (s *scene) around(f *file, at int, v *Variable, o vote, key string) vote {
	for _, g := range f.within(at) {
		if g.end-g.open > maxGroup {
			break
		}
		name := f.callee(g.open)
		if listens.MatchString(name) && f.code[g.open] == '(' {
			if key != "" && !listenKey.MatchString(key) {
				return vote{}
			}
			o.service, o.part, o.why = Listening, listening(v), "gives it to "+name
			return o
		}
		code := f.code[g.open-len(name) : g.end]
		if f.literal(g.open) { // a list of settings has the marks of many services
			code = f.code[g.open-len(name) : g.open+1]
		}
		if service, mark := s.single(code); service != "" {
			o.service, o.why = service, "gives it to "+cmp.Or(name, trim(mark))
			return o.named(v)
		}
		if service, what, part := s.called(f, g, name, at); service != "" {
			o.service, o.why = service, what
			if o.part == "" {
				o.part = part
			}
			return o.named(v)
		}
	}
	return vote{}
}

// listens matches what a server is started with.
var listens = regexp.MustCompile(`(^|\.)listen$|ListenAndServe\w*$|\buvicorn\.run$|run_app$|\bapp\.run$`)

var listenKey = regexp.MustCompile(`^(host|port|bind|address|addr|hostname)$`)

// listening tells a port from an address by the name of the variable, or by its default.
func listening(v *Variable) Part {
	switch part := partOf(v.Name, Listening); {
	case part == Port || v.Number || bareNumber.MatchString(v.Default):
		return Port
	case part == Host && !strings.Contains(v.Default, ":"):
		return Host
	default:
		return URL
	}
}

var bareNumber = regexp.MustCompile(`^\d{2,5}$`)

// literal reports whether a bracket begins a list of values or fields rather than a call or a body.
func (f *file) literal(open int) bool {
	if f.code[open] == '(' || open == 0 {
		return false
	}
	if f.code[open] == '[' || isWord(f.code[open-1]) { // Config{...}, as gofmt writes it
		return true
	}
	before := strings.TrimRight(f.code[max(0, open-40):open], " \t\n")
	return before == "" || strings.ContainsRune("=:(,[?&|", rune(before[len(before)-1])) && !strings.HasSuffix(before, "=>") ||
		strings.HasSuffix(before, "return") || strings.HasSuffix(before, "const") || strings.HasSuffix(before, "default")
}

// trim takes the brackets and quotes off a mark.
func trim(mark string) string { return strings.TrimSpace(strings.Trim(mark, "\"'({:\n\t ")) }

// named fills the part in by the variable's name where the use says nothing, and drops what the name
// contradicts: a timeout beside the address of a service is no address.
func (o vote) named(v *Variable) vote {
	part := partOf(v.Name, o.service)
	if o.part == "" || o.part == Options || part == Model || part == Instance {
		o.part = part
	}
	if o.part == Options {
		o.weight = enough
	}
	return o
}

// partByKey tells what a keyword or field is for.
func partByKey(key, name string) Part {
	switch strings.ReplaceAll(strings.ReplaceAll(key, "_", ""), "-", "") {
	case "baseurl", "url", "uri", "endpoint", "connectionstring", "dsn", "apibase", "openaiapibase", "brokerurl", "serverurl":
		return URL
	case "apikey", "key", "token", "authorization", "bearer", "openaiapikey":
		return Key
	case "model", "modelname":
		return Model
	case "host":
		if part := partOf(name, Postgres); part == Host || part == URL {
			return Host
		}
	case "port":
		return Port
	case "user", "username":
		return User
	case "password":
		return Password
	case "database", "dbname":
		return Database
	}
	return ""
}

// shape notes how an address is used: what is put before it and behind it.
func (s *scene) shape(v *Variable, service Service, path, before string, at Place) {
	if scheme := urlBefore.FindString(before); scheme != "" {
		v.Shape.Bare = true
		if strings.HasPrefix(scheme, "https") {
			s.warn("%s puts https:// before %s, and parley speaks plain HTTP: let the bot take the whole address from a variable", at, v.Name)
		}
	}
	if service == OpenAI && !v.Shape.Known {
		v.Shape.Known = true
		if !strings.HasPrefix(path, "/v1") {
			v.Shape.Path = "/v1"
		}
	}
}

// callee is a definition of the bot's own that has the marks of one service only.
type callee struct {
	service Service
	what    string
	text    string // of the definition
}

// called looks into the bot's own definition that is called with a variable: if it has the marks of one
// service only, the variable is for that, and the parameter's name tells what it is.
func (s *scene) called(f *file, g group, name string, at int) (service Service, what string, part Part) {
	name = name[strings.LastIndexByte(name, '.')+1:]
	if f.code[g.open] == '[' || common(name) || len(name) < 3 {
		return "", "", ""
	}
	key := reader{f.lang, name}
	c, known := s.callees[key]
	if !known {
		c = s.define(key)
		s.callees[key] = c
	}
	if c.service == "" || c.service == Webhook {
		return c.service, c.what, Key
	}
	return c.service, c.what, parameter(c.text, f.bare[g.open:min(at, len(f.bare))])
}

// define looks for the definition of a name.
func (s *scene) define(key reader) callee {
	head := regexp.MustCompile(`\b(?:class|def|function|func(?:\s+\([^)]*\))?|type|const|let|var)\s+` + key.name + `\b`)
	for _, d := range s.files {
		if d.lang != key.lang || len(d.words[key.name]) == 0 {
			continue
		}
		m := head.FindStringIndex(d.code)
		if m == nil {
			continue
		}
		start, end := d.block(m[0])
		text := d.code[min(start, len(d.code)):min(end, len(d.code))]
		if secretHeader.MatchString(text) {
			return callee{Webhook, "gives it to " + key.name + ", which looks at the header of a webhook", text}
		}
		service, mark := s.single(text)
		if service == "" && d.lang == golang && !serves.MatchString(d.code) { // a type, its constructor and its methods stand apart
			service, mark = s.single(d.code)
		}
		if service != "" {
			return callee{service, fmt.Sprintf("gives it to %s, whose code has %s", key.name, trim(mark)), text}
		}
	}
	return callee{}
}

var parameters = regexp.MustCompile(`(?:__init__|constructor)\s*\(([^()]*)|^[^(]*\(([^()]*)`)

// parameter tells by the name of a definition's parameter what is given at the end of an argument list.
func parameter(definition, given string) Part {
	m := parameters.FindStringSubmatch(definition)
	if m == nil {
		return ""
	}
	names := strings.Split(strings.TrimPrefix(strings.TrimSpace(m[1]+m[2]), "self,"), ",")
	depth, index := 0, 0
	for i := 1; i < len(given); i++ {
		switch given[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ',':
			if depth == 0 {
				index++
			}
		}
	}
	if index >= len(names) {
		return ""
	}
	name := identifier.FindString(names[index])
	if part := partByKey(strings.ToLower(name), name); part != "" {
		return part
	}
	return partOf(name, "")
}
