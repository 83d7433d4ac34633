package survey

import (
	"cmp"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Route is an HTTP route of the bot.
type Route struct {
	Method string `json:"method"` // POST, GET, empty for any
	Path   string `json:"path"`
	At     Place  `json:"at"`
	// Handler is the name of the function behind it, if it stands there.
	Handler string `json:"handler,omitempty"`

	file  *file
	at    int
	score int
}

var (
	// @app.post("/webhook"), app.post('/webhook', f), r.POST("/webhook", f), web.post("/webhook", f)
	routeCall = regexp.MustCompile(`([\w.]+)\.(post|get|POST|GET|Post|Get|all|any|Any|api_route|route|Handle|HandleFunc|add_api_route|add_url_rule|add_post|add_get|any)\(\s*["'` + "`" + `]([^"'` + "`" + `\n]*)["'` + "`" + `]`)
	// Route("/webhook", f, methods=["POST"]), path("webhook/", f)
	routeItem = regexp.MustCompile(`\b(Route|path|re_path)\(\s*r?["']([^"'\n]*)["']`)
	// @Post('webhook')
	routeNest = regexp.MustCompile(`@(Post|Get|All)\(\s*(?:["'` + "`" + `]([^"'` + "`" + `]*)["'` + "`" + `])?\s*\)`)
	// req.url === '/webhook', pathname == "/webhook", case "/webhook":
	routeTest = regexp.MustCompile(`(?:\b(?:url|pathname|path|Path)\s*={2,3}\s*|\b(?:url|pathname|path)\.startsWith\(\s*|\bcase\s+)["'` + "`" + `](/[^"'` + "`" + `\n]*)["'` + "`" + `]`)
	// fastify.route({method: 'POST', url: '/webhook'})
	routeObject = regexp.MustCompile(`\.route\(\s*\{[^{}]*?url\s*:\s*["'` + "`" + `]([^"'` + "`" + `]*)`)

	routePrefix = regexp.MustCompile(`\b(\w+)\s*(?::\s*\w+\s*)?=\s*(?:APIRouter|Blueprint)\([^)]*?(?:url_)?prefix\s*=\s*["']([^"']*)`)
	controller  = regexp.MustCompile(`@Controller\(\s*["'` + "`" + `]([^"'` + "`" + `]*)`)
	included    = regexp.MustCompile(`(?:include_router|register_blueprint)\(\s*([\w.]+)[^)]*?(?:url_)?prefix\s*=\s*["']([^"']*)`)
	mounted     = regexp.MustCompile(`\.(?:use|register|route)\(\s*["'` + "`" + `](/[^"'` + "`" + `]*)["'` + "`" + `]\s*,\s*(?:[\w.]+\(\)\s*,\s*)*([\w.]+)`)
	grouped     = regexp.MustCompile(`\b(\w+)\s*:?=\s*\w+\.(?:Group|PathPrefix)\(\s*"([^"]*)"`)

	method  = regexp.MustCompile(`(?i)methods?\W{1,12}(POST|GET)`)
	handler = regexp.MustCompile(`^\s*,\s*(?:async\s+)?(?:function\s+)?([A-Za-z_][\w.]*)`)
	slashes = regexp.MustCompile(`/{2,}`)
	chain   = regexp.MustCompile(`^\)\.Methods\([^)\n]*\)`)

	clientName = regexp.MustCompile(`(?i)client|session|http$|requests|axios|httpx|\bredis|cache|fetch|\bapi$|gateway`)

	defines = regexp.MustCompile(`\bdef\s+(\w+)`)
)

// maxRoutes bounds how many are kept, and how many are looked at in one file.
const maxRoutes = 500

// routes finds the routes of the bot and picks those for webhooks and for health.
func (s *scene) routes() {
	var all []Route
	mounts := s.mounts()
	for _, f := range s.files {
		if f.lang.String() != s.bot.Language {
			continue
		}
		routes := found(f)
		if len(routes) == 0 {
			continue
		}
		prefixes := s.prefixes(f, mounts)
		for _, r := range routes {
			var before strings.Builder
			for _, p := range prefixes {
				if p.name == "" || p.name == r.router {
					before.WriteString(p.prefix)
				}
			}
			r.Path = join(before.String(), r.Path)
			r.file = f
			r.At = f.place(r.at)
			if len(r.Path) <= 200 && len(all) < maxRoutes {
				all = append(all, r.Route)
			}
		}
	}
	s.bot.Webhooks = s.webhooks(all)
	s.bot.Health = s.health(all)
	s.secret()
}

// routed is a route with the name of the router it was put on.
type routed struct {
	Route
	router string
}

func join(prefix, route string) string {
	whole := "/" + strings.TrimLeft(prefix+"/"+strings.TrimLeft(route, "/"), "/")
	whole = slashes.ReplaceAllString(whole, "/")
	if route == "" || route == "/" && prefix != "" {
		whole = "/" + strings.Trim(prefix, "/") + route
	}
	return whole
}

// found returns the routes of a file as they stand there.
func found(f *file) (list []routed) {
	return append(methods(f), declared(f)...)
}

// methods returns the routes that are put on a router by a call of one of its methods.
func methods(f *file) (list []routed) {
	for _, m := range routeCall.FindAllStringSubmatchIndex(f.code, maxRoutes) {
		verb, where, rest := f.code[m[4]:m[5]], f.code[m[6]:m[7]], f.rest(m[1])
		r := routed{Route{Method: verbOf(verb, rest), Path: where, at: m[0]}, f.code[m[2]:m[3]]}
		if before, after, ok := strings.Cut(where, " "); ok && f.lang == golang { // "POST /webhook"
			r.Method, r.Path = before, after
		}
		if !strings.HasPrefix(r.Path, "/") && r.Path != "" || strings.HasPrefix(r.Path, "/") && isClient(r.router) && !strings.HasPrefix(verb, "Handle") {
			continue
		}
		if h := handler.FindStringSubmatch(rest); h != nil {
			r.Handler = h[1]
		} else if f.lang == python {
			if h := defines.FindStringSubmatch(f.code[m[1]:min(len(f.code), m[1]+400)]); h != nil {
				r.Handler = h[1]
			}
		}
		list = append(list, r)
	}
	return list
}

// declared returns the routes that stand in lists, annotations and comparisons.
func declared(f *file) (list []routed) {
	for _, m := range routeItem.FindAllStringSubmatchIndex(f.code, maxRoutes) {
		if f.lang == python {
			r := routed{Route{Method: verbOf("", f.rest(m[1])), Path: strings.Trim(f.code[m[4]:m[5]], "^$"), at: m[0]}, ""}
			if h := handler.FindStringSubmatch(f.rest(m[1])); h != nil {
				r.Handler = h[1]
			}
			list = append(list, r)
		}
	}
	for _, m := range routeNest.FindAllStringSubmatchIndex(f.code, maxRoutes) {
		where := ""
		if m[4] >= 0 {
			where = f.code[m[4]:m[5]]
		}
		list = append(list, routed{Route{Method: strings.ToUpper(strings.TrimSuffix(f.code[m[2]:m[3]], "All")), Path: where, at: m[0]}, ""})
	}
	for _, m := range routeTest.FindAllStringSubmatchIndex(f.code, maxRoutes) {
		list = append(list, routed{Route{Method: verbNear(f, m[0]), Path: f.code[m[2]:m[3]], at: m[0]}, ""})
	}
	for _, m := range routeObject.FindAllStringSubmatchIndex(f.code, maxRoutes) {
		list = append(list, routed{Route{Method: verbOf("", f.code[m[0]:m[1]]), Path: f.code[m[2]:m[3]], at: m[0]}, ""})
	}
	return list
}

// rest returns the further arguments of a call, and what is done with its result, to the end of the line.
func (f *file) rest(at int) string {
	end := min(len(f.code), at+400)
	if around := f.within(at); len(around) > 0 && around[0].end < end {
		end = around[0].end
	}
	tail := f.code[end:min(len(f.code), end+60)]
	if chained := chain.FindString(tail); chained != "" {
		return f.code[at:end] + chained
	}
	return f.code[at:end]
}

// isClient tells clients, which have methods of the same names, from routers.
func isClient(name string) bool {
	return clientName.MatchString(name)
}

// verbOf is the method of a route, by the function that makes it or by its further arguments.
func verbOf(verb, rest string) string {
	switch strings.ToLower(strings.TrimPrefix(verb, "add_")) {
	case "post":
		return "POST"
	case "get":
		return "GET"
	case "route", "api_route", "url_rule", "", "add_api_route":
		if m := method.FindAllStringSubmatch(rest, -1); len(m) > 0 {
			if strings.Contains(strings.ToUpper(rest), "POST") {
				return "POST"
			}
			return strings.ToUpper(m[0][1])
		}
	case "handle", "handlefunc":
		if strings.Contains(rest, `Methods("POST"`) {
			return "POST"
		}
	}
	return ""
}

// verbNear is the method that is asked for on the same line.
func verbNear(f *file, at int) string {
	line := f.lineText(at)
	switch {
	case strings.Contains(line, "POST"):
		return "POST"
	case strings.Contains(line, "GET"):
		return "GET"
	}
	return ""
}

// prefix is what goes before the paths of a router; of all routers of the file if it has no name.
type prefix struct{ name, prefix string }

// mount is a router that a file puts behind a prefix.
type mount struct {
	in             *file
	router, prefix string
}

// mounts returns those of all files.
func (s *scene) mounts() (list []mount) {
	for _, f := range s.files {
		for _, m := range included.FindAllStringSubmatch(f.code, 20) {
			list = append(list, mount{f, m[1], m[2]})
		}
		if f.lang != node {
			continue
		}
		for _, m := range mounted.FindAllStringSubmatch(f.code, 50) {
			list = append(list, mount{f, m[2], m[1]})
		}
	}
	return list[:min(len(list), maxRoutes)]
}

// prefixes returns those of a file, outer ones first.
func (s *scene) prefixes(f *file, mounts []mount) (list []prefix) {
	module := strings.TrimSuffix(path.Base(f.name), path.Ext(f.name))
	if module == "__init__" || module == "index" {
		module = path.Base(path.Dir(f.name))
	}
	for _, m := range mounts {
		if m.in.lang != f.lang || m.in != f && !strings.Contains(m.in.code, module) {
			continue
		}
		if name, ok := s.belongs(m.in, f, module, m.router); ok {
			list = append(list, prefix{name, m.prefix})
		}
	}
	for _, pattern := range []*regexp.Regexp{routePrefix, grouped} {
		for _, m := range pattern.FindAllStringSubmatch(f.code, 20) {
			list = append(list, prefix{m[1], m[2]})
		}
	}
	if m := controller.FindStringSubmatch(f.code); m != nil {
		list = append(list, prefix{"", "/" + strings.Trim(m[1], "/")})
	}
	return list
}

// belongs reports whether the router that one file names is of another: by its module ("webhooks.router"),
// by an import that names both, or because it is the same file.
func (s *scene) belongs(in, f *file, module, router string) (name string, ok bool) {
	if in == f {
		return router, true
	}
	first, last, dotted := strings.Cut(router, ".")
	if dotted && first == module {
		return last, true
	}
	from := regexp.MustCompile(`(?m)from\s+[\w.]*\b` + regexp.QuoteMeta(module) + `\s+import\s+(?:[^\n]*\b(\w+)\s+as\s+` + regexp.QuoteMeta(router) + `\b|[^\n]*\b(` + regexp.QuoteMeta(router) + `)\b)` +
		`|import\s+\{?\s*` + regexp.QuoteMeta(router) + `\b[^\n]*["'/]` + regexp.QuoteMeta(module) + `(?:\.\w+)?["']|\b` + regexp.QuoteMeta(router) + `\s*=\s*require\([^)]*["'/]` + regexp.QuoteMeta(module) + `(?:\.\w+)?["']`)
	if m := from.FindStringSubmatch(in.code); m != nil {
		return m[1] + m[2], true // nothing for a default export: of every router
	}
	return "", false
}

var (
	hookWords   = regexp.MustCompile(`(?i)webhook|whatsapp|evolution|upsert|\bwa\b|inbound|incoming|messages?\b|callback|\bhook`)
	strangeHook = regexp.MustCompile(`(?i)stripe|payment|pagamento|billing|google|calendar|telegram|\bline\b|instagram|facebook|status|admin|auth|login|test|debug|simulate|github|delivery|twilio|n8n|send`)
	upsert      = regexp.MustCompile(`messages\.upsert|MESSAGES_UPSERT|remoteJid`)
)

// webhooks returns the routes that may take webhooks, likeliest first.
func (s *scene) webhooks(all []Route) (list []Route) {
	takes := map[*file]bool{} // files that know what a message looks like
	for _, f := range s.files {
		takes[f] = upsert.MatchString(f.code)
	}
	for _, r := range all {
		if r.Method == http.MethodGet {
			continue
		}
		words := r.Path + " " + strings.ReplaceAll(r.Handler, "_", " ")
		for _, word := range hookWords.FindAllString(words, 6) {
			r.score += map[bool]int{true: 4, false: 2}[len(word) >= 7]
		}
		if strangeHook.MatchString(words) {
			r.score -= 5
		}
		if r.Method == http.MethodPost {
			r.score += 2
		}
		if takes[r.file] {
			r.score += 2
		}
		start, end := r.file.block(r.file.starts[r.file.line(r.at)-1])
		if strings.Contains(r.file.code[min(start, len(r.file.code)):min(end, len(r.file.code))], "remoteJid") {
			r.score += 2
		}
		if strings.ContainsAny(r.Path, "{<:*") {
			r.score--
		}
		if r.score >= 4 && !slices.ContainsFunc(list, func(o Route) bool { return o.Path == r.Path }) {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Route) int { return cmp.Compare(b.score, a.score) })
	return list
}

// health returns the routes that tell whether the bot is up, most telling first.
func (s *scene) health(all []Route) (list []Route) {
	words := []string{"readyz", "ready", "readiness", "healthz", "health", "healthcheck", "livez", "live", "status", "ping"}
	place := func(r Route) int {
		last := strings.ToLower(strings.Trim(r.Path[strings.LastIndexByte(r.Path, '/')+1:], "_"))
		return slices.Index(words, last)
	}
	for _, r := range all {
		if r.Method != http.MethodPost && place(r) >= 0 && !strings.ContainsAny(r.Path, "{<:*") && !slices.ContainsFunc(list, func(o Route) bool { return o.Path == r.Path }) {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Route) int { return place(a) - place(b) })
	return list
}

var secretHeader = regexp.MustCompile(`(?i)headers?(?:\.get|\[|\.Get)?\s*[(\[]\s*["'` + "`" + `]((?:x-)[\w-]*(?:secret|token|key|auth)[\w-]*|apikey|authorization)["'` + "`" + `]|Header\.Get\(\s*"((?i:x-)[\w-]*)"|Header\([^)]*alias\s*=\s*["']([\w-]+)`)

// secret finds the header field in which the bot wants the secret of a webhook: the one it reads in a
// file that takes webhooks.
func (s *scene) secret() {
	for _, r := range s.bot.Webhooks {
		if m := secretHeader.FindStringSubmatchIndex(r.file.code); m != nil {
			for i := 2; i < len(m); i += 2 {
				if m[i] >= 0 {
					s.bot.Secret = Header{r.file.code[m[i]:m[i+1]], r.file.place(m[0])}
					return
				}
			}
		}
	}
}
