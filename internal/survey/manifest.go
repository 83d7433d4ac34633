package survey

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// dependency is a package that a manifest names.
type dependency struct {
	version string
	at      Place
}

// manifests reads which packages the bot uses.
func (s *scene) manifests() {
	s.packages, s.scripts = map[string]dependency{}, map[string]string{}
	for _, name := range s.names(func(string) bool { return true }) {
		text := s.text[name]
		base := name[strings.LastIndexByte(name, '/')+1:]
		switch {
		case strings.HasPrefix(base, "requirements") && strings.HasSuffix(base, ".txt"):
			s.lines(name, text, regexp.MustCompile(`^\s*([A-Za-z][\w.-]*)(?:\[[^\]]*\])?\s*(?:[=~<>!]=?=?\s*([\w.]+))?`))
		case base == "pyproject.toml", base == "Pipfile":
			s.lines(name, text, regexp.MustCompile(`^\s*["']([A-Za-z][\w.-]*)(?:\[[^\]]*\])?\s*(?:[=~<>!^]=?=?\s*([\w.]+))?[^"':]*["']\s*,?\s*\]?\s*$`))
			s.lines(name, text, regexp.MustCompile(`^([A-Za-z][\w.-]*)\s*=\s*(?:["'][\^~=<>]*([\w.*]+)|\{\s*(?:version|extras))`))
			for _, m := range regexp.MustCompile(`["']([A-Za-z][\w.-]*)(?:\[[^\]]*\])?\s*[=~<>!^]=?\s*([\w.]+)`).FindAllStringSubmatchIndex(text, -1) {
				s.depend(text[m[2]:m[3]], text[m[4]:m[5]], Place{name, 1 + strings.Count(text[:m[0]], "\n")})
			}
		case base == "go.mod":
			s.lines(name, text, regexp.MustCompile(`^\s*(?:require\s+)?([a-z][\w.-]*\.[a-z]+/[\w./~-]+)\s+v([\w.+-]+)`))
		case base == "package.json":
			s.packageJSON(name, text)
		}
	}
}

// names returns the texts that satisfy a condition, shallow ones first.
func (f *folder) names(fits func(string) bool) []string {
	var names []string
	for name := range f.text {
		if fits(name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := strings.Count(a, "/") - strings.Count(b, "/"); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

// lines adds the package of each line that matches.
func (s *scene) lines(name, text string, pattern *regexp.Regexp) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if m := pattern.FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil {
			s.depend(m[1], m[2], Place{name, n})
		}
	}
}

// depend keeps the first mention of a package.
func (s *scene) depend(name, version string, at Place) {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	if _, ok := s.packages[name]; !ok && len(s.packages) < 2000 {
		s.packages[name] = dependency{version, at}
	}
}

// packageJSON reads the packages and scripts of a Node.js project.
func (s *scene) packageJSON(name, text string) {
	var p struct {
		Main            string
		Scripts         map[string]string
		Dependencies    map[string]string
		DevDependencies map[string]string
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		s.warn("%s is no JSON that can be used and is left out: %v", name, err)
		return
	}
	at := func(word string) Place {
		if i := strings.Index(text, `"`+word+`"`); i >= 0 {
			return Place{name, 1 + strings.Count(text[:i], "\n")}
		}
		return Place{name, 1}
	}
	for _, set := range []map[string]string{p.Dependencies, p.DevDependencies} {
		for dep, version := range set {
			s.depend(dep, strings.TrimLeft(version, "^~>=v"), at(dep))
		}
	}
	if strings.Contains(name, "/") {
		return // a package of a package
	}
	s.scripts, s.main = p.Scripts, p.Main
	if s.scripts == nil {
		s.scripts = map[string]string{}
	}
}

// depends returns the first of several packages that the bot uses.
func (s *scene) depends(names ...string) (string, dependency, bool) {
	for _, name := range names {
		if d, ok := s.packages[name]; ok {
			return name, d, true
		}
		for full, d := range s.packages { // a major version of a Go module ends its path
			if strings.HasPrefix(full, name+"/v") {
				return name, d, true
			}
		}
	}
	return "", dependency{}, false
}

// language decides what the bot is written in, by where it serves and by how much there is.
func (s *scene) language() {
	weight := map[language]int{}
	for _, f := range s.files {
		weight[f.lang] += 1 + strings.Count(f.code, "\n")/50
		if serves.MatchString(f.code) {
			weight[f.lang] += 100
		}
	}
	best := none
	for _, l := range []language{python, node, golang} {
		if weight[l] > weight[best] {
			best = l
		}
	}
	if best == none {
		return
	}
	s.bot.Language = best.String()
	s.framework(best)
}

// serves matches code that takes HTTP requests.
var serves = regexp.MustCompile(`\b(FastAPI|Flask|Starlette|Sanic|Quart|APIRouter|Litestar)\(|\bweb\.Application\(|\bexpress\(\)|\b[Ff]astify\(|\bcreateServer\(|NestFactory|new (Koa|Hono|Elysia)\(|\bBun\.serve|` +
	`\bhttp\.(ListenAndServe|Server\{|NewServeMux|HandleFunc)|\bgin\.(Default|New)\(|\becho\.New\(|\bfiber\.New\(|\bchi\.NewRouter`)

// framework names it, by the first file that makes an application of it.
func (s *scene) framework(lang language) {
	kinds := []struct {
		lang language
		name string
		mark *regexp.Regexp
	}{
		{python, "FastAPI", regexp.MustCompile(`\bFastAPI\(`)},
		{python, "Flask", regexp.MustCompile(`\bFlask\(`)},
		{python, "Quart", regexp.MustCompile(`\bQuart\(`)},
		{python, "Starlette", regexp.MustCompile(`\bStarlette\(`)},
		{python, "Litestar", regexp.MustCompile(`\bLitestar\(`)},
		{python, "aiohttp", regexp.MustCompile(`\bweb\.Application\(`)},
		{python, "Django", regexp.MustCompile(`\bget_[aw]sgi_application\(`)},
		{node, "NestJS", regexp.MustCompile(`\bNestFactory\b`)},
		{node, "Express", regexp.MustCompile(`\bexpress\(\)`)},
		{node, "Fastify", regexp.MustCompile(`\b[Ff]astify\(`)},
		{node, "Koa", regexp.MustCompile(`\bnew Koa\(`)},
		{node, "Hono", regexp.MustCompile(`\bnew Hono\(`)},
		{node, "node:http", regexp.MustCompile(`\bcreateServer\(`)},
		{golang, "Gin", regexp.MustCompile(`\bgin\.(Default|New)\(`)},
		{golang, "Echo", regexp.MustCompile(`\becho\.New\(`)},
		{golang, "Fiber", regexp.MustCompile(`\bfiber\.New\(`)},
		{golang, "chi", regexp.MustCompile(`\bchi\.NewRouter\(`)},
		{golang, "net/http", regexp.MustCompile(`\bhttp\.(ListenAndServe|Server\{|NewServeMux|HandleFunc)`)},
	}
	for _, kind := range kinds {
		for _, f := range s.files {
			if f.lang != lang || kind.lang != lang {
				continue
			}
			if m := kind.mark.FindStringIndex(f.bare); m != nil {
				s.bot.Framework, s.bot.FrameworkAt = kind.name, f.place(m[0])
				return
			}
		}
	}
}
