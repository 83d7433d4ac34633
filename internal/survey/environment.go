package survey

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// alias is an identifier that holds a variable's value, from the place where it was read.
type alias struct {
	variable *Variable
	file     *file
	// local: the name is too common to mean the same in another file.
	local bool
	// parent is the name of the object that holds it, empty if it stands alone.
	parent string
}

// reads are the ways in which a language reads a variable by name: the first group that matched is the name.
var (
	pythonReads = regexp.MustCompile(`(?:os\.)?\benv(?:iron)?\s*\[\s*["'](\w+)["']\s*\]|\benv\.get\(\s*["']([A-Z]\w+)["']|(?:os\.)?\benviron\.(?:get|pop|setdefault)\(\s*["'](\w+)["']|\bgetenv\(\s*["'](\w+)["']`)
	nodeReads   = regexp.MustCompile(`\bprocess\.env\.(\w+)|\bprocess\.env\[\s*["'` + "`" + `](\w+)["'` + "`" + `]\s*\]`)
	goReads     = regexp.MustCompile("\\bos\\.(?:Getenv|LookupEnv)\\(\\s*[\"`](\\w+)[\"`]|\\b(?:envconfig|env):\"(\\w+)[\",]|\\bviper\\.Get\\w*\\(\"([A-Z]\\w+)\"")
)

// libraries read variables through functions of their own.
var (
	pythonLibraries = regexp.MustCompile(`(?m)^\s*(?:from|import)\s+(decouple|environs|environ|starlette\.config)\b`)
	pythonLibrary   = regexp.MustCompile(`\b(?:config|env(?:\.\w+)?)\(\s*["']([A-Z]\w+)["']`)
	nodeService     = regexp.MustCompile(`(?i)\bconfig(?:Service)?\.(?:get|getOrThrow)(?:<[\w\[\]|. ]+>)?\(\s*["']([A-Z][A-Z0-9_]+)["']`)
	nodeSchema      = regexp.MustCompile(`(?m)^\s*([A-Z][A-Z0-9_]{2,})\s*:\s*(?:z|Joi|str|url|num|port|bool|envalid|Type|env)\b[.(]`)
	nodeCopy        = regexp.MustCompile(`\benv\.([A-Z][A-Z0-9_]+)\b`)
	goCopy          = regexp.MustCompile(`\b(?:getenv|lookup|env|get)\(\s*"([A-Z][A-Z0-9_]+)"`)
	nodeTaken       = regexp.MustCompile(`(?s)\{([^{}]{1,900})\}\s*=\s*process\.env\b`)
)

// The environment may go by another name, or be handed on as a function.
var (
	nodeCopied = regexp.MustCompile(`\benv\s*(?::[^=\n]{0,60})?=\s*process\.env\b`)
	goPassed   = regexp.MustCompile(`\bos\.(?:Getenv|LookupEnv)\s*[,)\n]`)
)

// environment collects every variable that the source reads or a file names.
func (s *scene) environment() {
	s.passed = slices.ContainsFunc(s.files, func(f *file) bool { return f.lang == golang && goPassed.MatchString(f.code) })
	for _, f := range s.files {
		s.direct(f)
		switch f.lang {
		case python:
			if pythonLibraries.MatchString(f.code) {
				s.matches(f, pythonLibrary, true)
			}
			s.settings(f)
		case node:
			s.matches(f, nodeService, false)
			if strings.Contains(f.code, "process.env") {
				s.schema(f)
			}
			s.taken(f)
		default:
		}
	}
	s.prisma()
	s.readers()
	s.examples()
	s.loading()
	s.demands()
}

var (
	schemaDefault  = regexp.MustCompile("\\.default\\(\\s*(?:[\"'`]([^\"'`\n]*)[\"'`]|([\\w.]+))|default\\s*:\\s*(?:[\"'`]([^\"'`\n]*)[\"'`]|([\\w.]+))")
	schemaOptional = regexp.MustCompile(`\.(optional|nullish|nullable)\(`)
)

// schema reads the fields of a zod, Joi or envalid schema: NAME: z.string().default("x").
func (s *scene) schema(f *file) {
	for _, m := range nodeSchema.FindAllStringSubmatchIndex(f.code, maxVariables) {
		v := s.variable(f.code[m[2]:m[3]], f.place(m[2]))
		if v == nil {
			continue
		}
		v.At, v.Read, v.Required = f.place(m[2]), true, true
		line := f.lineText(m[2])
		if d := schemaDefault.FindStringSubmatch(line); d != nil {
			v.HasDefault, v.Required = true, false
			s.note(v, d[1]+d[2]+d[3]+d[4])
		}
		if schemaOptional.MatchString(line) {
			v.Required = false
		}
		v.Number = v.Number || strings.Contains(line, "number") || strings.Contains(line, "num(")
		s.aliases[v.Name] = append(s.aliases[v.Name], alias{variable: v, file: f})
	}
}

// prisma reads the variable that carries the address of Prisma's database.
func (s *scene) prisma() {
	for _, name := range s.names(func(name string) bool { return path.Base(name) == "schema.prisma" }) {
		text := s.text[name]
		m := regexp.MustCompile(`url\s*=\s*env\("(\w+)"\)`).FindStringSubmatchIndex(text)
		if m == nil || !strings.Contains(text, "postgresql") {
			continue
		}
		at := Place{name, 1 + strings.Count(text[:m[0]], "\n")}
		if v := s.variable(text[m[2]:m[3]], at); v != nil {
			v.At, v.Read, v.Required, v.Shape.Scheme = at, true, true, "postgresql"
		}
	}
}

// direct finds reads in the language's own way.
func (s *scene) direct(f *file) {
	switch f.lang {
	case python:
		s.matches(f, pythonReads, false)
	case node:
		s.matches(f, nodeReads, false)
		if nodeCopied.MatchString(f.code) {
			s.matches(f, nodeCopy, false)
		}
	case golang:
		s.matches(f, goReads, false)
		if s.passed {
			s.matches(f, goCopy, false)
		}
	default:
	}
}

// matches adds a variable for each match. If missing is true one without a default is required.
func (s *scene) matches(f *file, pattern *regexp.Regexp, missing bool) {
	for _, m := range pattern.FindAllStringSubmatchIndex(f.code, maxVariables) {
		for i := 2; i < len(m); i += 2 {
			if m[i] >= 0 {
				s.read(f, f.code[m[i]:m[i+1]], m[0], m[1], missing)
				break
			}
		}
	}
}

var (
	defaultArgument = regexp.MustCompile("^\\s*[\"'`]?\\s*,\\s*(?:default\\s*=\\s*|(?:fallback|defaultValue)\\s*[:=]\\s*)?(?:[\"'`]([^\"'`\n]*)[\"'`]|([\\w.-]+))?")
	defaultOr       = regexp.MustCompile("^[\\])]*\\s*(?:\\|\\||\\?\\?|\\bor\\b)\\s*(?:[\"'`]([^\"'`\n]*)[\"'`]|([\\w.-]+))?")
	numeric         = regexp.MustCompile(`(?:\bint|\bfloat|\bNumber|\bparseInt|\bAtoi|\bParse(?:Int|Float|Duration))\(\s*(?:\w+\()?$`)
	bound           = regexp.MustCompile(`([A-Za-z_$][\w.$]*)["']?\s*(?::\s*[\w\[\]|., "']+)?(?:,\s*\w+\s*)?(?::=|=|:)\s*(?:await\s+)?(?:!*[\w.]+\(\s*){0,3}$`)
	throws          = regexp.MustCompile(`(?i)\b(raise|throw|fatal|panic|exit)\b`)
)

// read notes that the source reads a variable between two offsets.
func (s *scene) read(f *file, name string, start, end int, missing bool) {
	v := s.variable(name, f.place(start))
	if v == nil {
		return
	}
	if !v.Read {
		v.At, v.Read = f.place(start), true
	}
	head := f.code[max(f.starts[f.line(start)-1], start-200):start]
	v.Number = v.Number || numeric.MatchString(head)
	rest := f.code[end:min(len(f.code), end+300)]
	value, found, none := "", false, false
	for _, pattern := range []*regexp.Regexp{defaultArgument, defaultOr} {
		subscript := strings.HasSuffix(strings.TrimSpace(f.code[start:end]), "]") || strings.Contains(f.code[start:end], "process.env.")
		if m := pattern.FindStringSubmatch(rest); m != nil && !(pattern == defaultArgument && subscript) {
			value, found = cmp.Or(m[1], f.constant(m[2])), true
			none = m[2] == "None" || m[2] == "undefined" || m[2] == "nil" || m[2] == "null"
			break
		}
	}
	switch {
	case found && none:
	case found:
		v.HasDefault = true
		s.note(v, value)
	case !found && f.lang == python && (strings.Contains(f.code[start:end], "[") || missing):
		v.Required = true
	case !found && missing, !found && throws.MatchString(f.lineText(end)):
		v.Required = true
	}
	if tag := strings.HasSuffix(f.code[start:end], ","); f.lang == golang && strings.Contains(f.code[start:end], `:"`) {
		// GatewayURL string `env:"GATEWAY_URL,required"`
		v.Required, v.HasDefault = tag && strings.HasPrefix(rest, "required"), false
		if word := identifier.FindStringIndex(head); word != nil {
			s.alias(v, f, head[word[0]:word[1]], start-len(head)+word[0])
		}
		return
	}
	if m := bound.FindStringSubmatchIndex(head); m != nil {
		from := start - len(head)
		s.alias(v, f, head[m[2]:m[3]], from+m[2])
	}
}

// constant returns what an identifier or a literal without quotes stands for, if the file says so in
// plain words: evolution_instance: str = "receptionist".
func (f *file) constant(word string) string {
	if word == "" || word[0] >= '0' && word[0] <= '9' || word == "True" || word == "False" || word == "true" || word == "false" {
		return word
	}
	word = word[strings.LastIndexByte(word, '.')+1:]
	uses := f.words[word]
	for _, at := range uses[:min(len(uses), maxUses)] {
		if m := constantValue.FindStringSubmatch(f.code[at+len(word) : min(len(f.code), at+len(word)+200)]); m != nil {
			return m[1] + m[2]
		}
	}
	return ""
}

var constantValue = regexp.MustCompile("^\\s*(?::\\s*[\\w\\[\\]|. ]+)?\\s*(?::=|=)\\s*(?:[\"'`]([^\"'`\n]*)[\"'`]|(\\d[\\w.]*))")

// note keeps what of a default may be kept: its shape, and the value if it can be no secret.
func (s *scene) note(v *Variable, value string) {
	v.keep(value)
	if v.Default == "" {
		v.Default = harmless(v.Name, value)
	}
}

// common are names that mean something else in every file.
func common(name string) bool {
	return slices.Contains([]string{
		"url", "uri", "key", "token", "host", "port", "base", "baseurl", "base_url", "apikey", "api_key", "headers", "value", "name", "instance",
		"model", "password", "user", "username", "authorization", "address", "addr", "endpoint", "secret", "env", "config", "data", "text", "db", "client",
		"id", "type", "x", "v", "ok", "default", "settings", "body", "number",
	}, strings.ToLower(name))
}

var holder = regexp.MustCompile(`(\w+)["']?\s*[:=]\s*$`)

// alias ties an identifier at an offset to a variable.
func (s *scene) alias(v *Variable, f *file, name string, at int) {
	parent := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	} else if around := f.within(at); len(around) > 0 && f.code[around[0].open] == '{' {
		// llm: {url: process.env.LLM_ENDPOINT} is used as llm.url.
		if m := holder.FindStringSubmatch(f.code[max(0, around[0].open-60):around[0].open]); m != nil {
			parent = m[1]
		}
	}
	// A keyword of a call is the callee's name for it, and says nothing elsewhere unless it is a telling one.
	around := f.within(at)
	keyword := len(around) > 0 && f.code[around[0].open] == '('
	a := alias{variable: v, file: f, parent: parent, local: common(name)}
	if keyword && a.local || name == "" || len(s.aliases[name]) > 20 {
		return
	}
	s.aliases[name] = append(s.aliases[name], a)
}

var takenField = regexp.MustCompile(`^\s*(\w+)\s*(?::\s*(\w+))?\s*(=\s*["']?([^"',]*))?`)

// taken finds const {A, B} = process.env.
func (s *scene) taken(f *file) {
	for _, m := range nodeTaken.FindAllStringSubmatchIndex(f.code, maxVariables) {
		at := m[2]
		for part := range strings.SplitSeq(f.code[m[2]:m[3]], ",") {
			field := takenField.FindStringSubmatchIndex(part)
			if field != nil {
				name := part[field[2]:field[3]]
				if v := s.variable(name, f.place(at+field[2])); v != nil {
					v.Read = true
					held := name
					if field[4] >= 0 {
						held = part[field[4]:field[5]]
					}
					if field[6] >= 0 {
						v.HasDefault = true
						s.note(v, part[field[8]:field[9]])
					}
					s.aliases[held] = append(s.aliases[held], alias{variable: v, file: f, local: common(held)})
				}
			}
			at += len(part) + 1
		}
	}
}

// definition matches the head of a function: its name and its first parameter.
var definition = regexp.MustCompile(`(?m)\b(?:def|function|func(?:\s+\([^)]*\))?)\s+(\w+)(?:\[[^\]]*\])?\s*\(\s*(?:self,\s*)?(\w+)|(?:const|let|var)\s+(\w+)\s*=\s*(?:async\s*)?\(?\s*(\w+)[^()\n]{0,80}\)?\s*=>`)

// maxDefinitions is how many functions of a file are looked at, maxReaders how many of a bot may read variables by name.
const (
	maxDefinitions = 500
	maxReaders     = 50
)

// reader is a function of the bot's own that reads a variable by name.
type reader struct {
	lang language
	name string
}

// readers finds the bot's own functions that read a variable by name, and the variables they read.
func (s *scene) readers() {
	var known []reader // in the order in which they are found, so that the same folder gives the same findings
	for range 3 {      // one that calls another, which calls a third
		for _, f := range s.files {
			for _, m := range definition.FindAllStringSubmatchIndex(f.code, maxDefinitions) {
				name, param := 2, 4
				if m[2] < 0 {
					name, param = 6, 8
				}
				r := reader{f.lang, f.code[m[name]:m[name+1]]}
				if len(known) < maxReaders && !slices.Contains(known, r) && f.reads(m[0], f.code[m[param]:m[param+1]], known) {
					known = append(known, r)
				}
			}
		}
	}
	for _, r := range known {
		call := regexp.MustCompile(`\b` + r.name + "\\(\\s*[\"'`]([A-Z][A-Z0-9_]{2,})[\"'`]")
		for _, f := range s.files {
			if f.lang == r.lang && len(f.words[r.name]) > 0 {
				s.matches(f, call, true)
			}
		}
	}
}

// reads reports whether the definition at an offset reads the variable that its parameter names, by itself or by
// another that does.
func (f *file) reads(at int, parameter string, known []reader) bool {
	start, end := f.block(at)
	body := f.code[min(start, len(f.code)):min(end, start+1500, len(f.code))]
	p := regexp.QuoteMeta(parameter)
	if strings.Contains(body, "nv") && regexp.MustCompile(`(?:environ(?:\.get)?|getenv|Getenv|LookupEnv|process\.env|\benv(?:\.get)?)\s*[\[(]\s*`+p+`\b`).MatchString(body) {
		return true
	}
	for _, other := range known {
		if other.lang == f.lang && strings.Contains(body, other.name+"(") && regexp.MustCompile(`\b`+other.name+`\(\s*`+p+`\b`).MatchString(body) {
			return true
		}
	}
	return false
}

// loading finds the ways in which the bot reads .env by itself.
func (s *scene) loading() {
	overriding := regexp.MustCompile(`load_dotenv\([^)]*override\s*=\s*True|dotenv[^\n]*override\s*:\s*true|godotenv\.Overload`)
	for _, f := range s.files {
		if regexp.MustCompile(`load_dotenv|env_file\s*[=:]|\bdotenv\b|godotenv|decouple|read_env\(`).MatchString(f.code) {
			s.dotenv = true
		}
		if m := overriding.FindStringIndex(f.code); m != nil {
			s.warn("%s: .env wins over the environment there, and so over the addresses parley gives the bot: take the override out, or run the bot without .env", f.place(m[0]))
		}
	}
}

var (
	demanded = regexp.MustCompile(`(?i)(?:required|mandatory|needed)\w*\s*(?::[^=\n]{0,40})?:?=\s*[\w.]*\s*(?:\[\]string)?[\[({]([^\])}]{0,900})`)
	missing  = regexp.MustCompile(`^\b\s*(?:\)|:|\|\||\bor\b|==|===|is None|\?|\{|$)`)
	negated  = regexp.MustCompile(`(?:!|\bnot\s+|\bif\s+|\|\|\s*|\bor\s+)[\w.]*$`)
	quotedID = regexp.MustCompile("[\"'`]([A-Z][A-Z0-9_]{2,})[\"'`]")
)

// demands finds variables without which the bot gives up: if (!key) throw, a list called REQUIRED.
func (s *scene) demands() {
	for _, f := range s.files {
		for _, m := range demanded.FindAllStringSubmatchIndex(f.code, 20) {
			for _, n := range quotedID.FindAllStringSubmatch(f.code[m[2]:m[3]], 100) {
				if v := s.variable(n[1], f.place(m[0])); v != nil {
					v.Required, v.Read = !v.HasDefault, true
				}
			}
		}
		for name := range s.aliases {
			uses := f.words[name]
			for _, at := range uses[:min(len(uses), maxUses)] {
				if v := s.meant(name, f, at); v != nil && f.givesUp(at, name) {
					v.Required = v.Required || !v.HasDefault
				}
			}
		}
	}
}

// givesUp reports whether the bot gives up if what is named at an offset is not there.
func (f *file) givesUp(at int, name string) bool {
	line := f.lineText(at)
	if !strings.Contains(line, "if") {
		return false
	}
	after := f.code[at+len(name) : min(len(f.code), at+len(name)+250)]
	return negated.MatchString(f.code[f.starts[f.line(at)-1]:at]) && missing.MatchString(after) && throws.MatchString(after)
}
