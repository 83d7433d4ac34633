package survey

import (
	"regexp"
	"slices"
	"strings"
)

// How much a sign of a variable's role counts. What the source does with a variable outweighs what it
// is called; a name that says it all outweighs a word in it.
const (
	byFlow    = 12
	byDefault = 11
	byName    = 10 // the usual name of client libraries
	enough    = 4  // below, nothing is known
	sure      = 9  // below, it is a guess
)

// usual are the names under which everybody knows a variable.
func usual() map[string]struct {
	service Service
	part    Part
} {
	type role = struct {
		service Service
		part    Part
	}
	return map[string]role{
		"EVOLUTION_API_URL": {Evolution, URL}, "EVOLUTION_URL": {Evolution, URL}, "EVOLUTION_BASE_URL": {Evolution, URL},
		"EVOLUTION_API_KEY": {Evolution, Key}, "EVOLUTION_INSTANCE": {Evolution, Instance}, "EVOLUTION_INSTANCE_NAME": {Evolution, Instance},
		"OPENAI_BASE_URL": {OpenAI, URL}, "OPENAI_API_BASE": {OpenAI, URL}, "OPENAI_API_KEY": {OpenAI, Key}, "OPENAI_MODEL": {OpenAI, Model},
		"DATABASE_URL": {Postgres, URL}, "POSTGRES_URL": {Postgres, URL}, "POSTGRES_DSN": {Postgres, URL}, "PG_DSN": {Postgres, URL},
		"PGHOST": {Postgres, Host}, "PGPORT": {Postgres, Port}, "PGUSER": {Postgres, User}, "PGPASSWORD": {Postgres, Password}, "PGDATABASE": {Postgres, Database},
		"POSTGRES_DB": {Postgres, Database}, "DB_NAME": {Postgres, Database}, "REDIS_URL": {Redis, URL}, "REDIS_DB": {Redis, Database},
		"PORT": {Listening, Port}, "HOST": {Listening, Host},
		"GOOGLE_APPLICATION_CREDENTIALS": {Calendar, Key},
	}
}

// tokens weighs the words of a name.
func tokens() map[string]struct {
	service Service
	weight  int
} {
	type sign = struct {
		service Service
		weight  int
	}
	return map[string]sign{
		"EVOLUTION": {Evolution, 9}, "EVO": {Evolution, 9}, "EVOAPI": {Evolution, 9}, "WHATSAPP": {Evolution, 6}, "WA": {Evolution, 5}, "WPP": {Evolution, 6},
		"ZAP": {Evolution, 5}, "WHATS": {Evolution, 5}, "BAILEYS": {Evolution, 6}, "GATEWAY": {Evolution, 4}, "MESSENGER": {Evolution, 3}, "MESSAGING": {Evolution, 3},
		"OPENAI": {OpenAI, 9}, "LLM": {OpenAI, 8}, "GPT": {OpenAI, 8}, "CHATGPT": {OpenAI, 8}, "COMPLETIONS": {OpenAI, 6}, "OPENROUTER": {OpenAI, 7},
		"GROQ": {OpenAI, 6}, "DEEPSEEK": {OpenAI, 6}, "AI": {OpenAI, 4}, "INFERENCE": {OpenAI, 4},
		"POSTGRES": {Postgres, 9}, "POSTGRESQL": {Postgres, 9}, "PG": {Postgres, 8}, "DATABASE": {Postgres, 7}, "DB": {Postgres, 6}, "SQLALCHEMY": {Postgres, 7},
		"SQL": {Postgres, 4}, "REDIS": {Redis, 9}, "VALKEY": {Redis, 8}, "CACHE": {Redis, 5}, "BROKER": {Redis, 4}, "CELERY": {Redis, 4},
		"GOOGLE": {Calendar, 4}, "GCAL": {Calendar, 8}, "CALENDAR": {Calendar, 7}, "WEBHOOK": {Webhook, 9}, "PUBLIC": {Webhook, 4},
		"ANTHROPIC": {Anthropic, 9}, "CLAUDE": {Anthropic, 8}, "GEMINI": {Gemini, 9}, "AZURE": {Azure, 10}, "MYSQL": {MySQL, 9}, "MONGO": {MongoDB, 9}, "MONGODB": {MongoDB, 9},
		"LINE": {LINE, 7}, "TWILIO": {Twilio, 9}, "TELEGRAM": {Telegram, 9}, "META": {Cloud, 5}, "WABA": {Cloud, 8}, "STRIPE": {Other, 10}, "SENTRY": {Other, 10},
		"SUPABASE": {Other, 9}, "ELEVENLABS": {Other, 9}, "QDRANT": {Other, 9}, "PINECONE": {Other, 9}, "LANGSMITH": {Other, 9}, "LANGCHAIN": {Other, 9}, "LANGFUSE": {Other, 9},
	}
}

// partOf tells by its name what of a service a variable carries: the last word that says anything.
func partOf(name string, service Service) Part {
	words := strings.Split(strings.ToUpper(name), "_")
	for _, word := range slices.Backward(words) {
		switch word {
		case "URL", "URI", "ENDPOINT", "BASE", "GATEWAY", "SERVER", "DSN", "BASEURL", "ADDRESS", "ADDR":
			return URL
		case "HOST", "HOSTNAME", "PGHOST":
			if service == Evolution || service == OpenAI {
				return URL
			}
			return Host
		case "PORT":
			return Port
		case "KEY", "TOKEN", "SECRET", "APIKEY", "AUTH", "CREDENTIALS":
			if service == Postgres || service == Redis {
				return Options
			}
			return Key
		case "PASSWORD", "PASS", "PWD":
			return Password
		case "USER", "USERNAME":
			return User
		case "DB", "DATABASE", "NAME":
			switch {
			case service == Postgres && len(words) > 1 || service == Redis && word == "DB":
				return Database
			case service == Evolution && word == "NAME":
				return Instance
			}
		case "INSTANCE", "SESSION":
			return Instance
		case "MODEL", "DEPLOYMENT":
			return Model
		case "BROKER":
			return URL
		case "TIMEOUT", "SECONDS", "MAX", "MIN", "SIZE", "LIMIT", "TTL", "RETRIES", "POOL", "CONNECTIONS", "TEMPERATURE", "TOKENS", "ENABLED", "DEBUG", "ECHO", "PREFIX", "VERSION":
			return Options
		}
	}
	return Options
}

// vote is a sign of what a variable carries.
type vote struct {
	service Service
	part    Part
	weight  int
	why     string
	at      Place
}

var (
	listenName  = regexp.MustCompile(`^(?:\w+_)?(?:LISTEN|BIND|HTTP|SERVER|APP|WEB|BOT|API|UVICORN|GUNICORN)_?(?:PORT|HOST|ADDR|ADDRESS)$|^LISTEN(?:_ON)?$|^ADDR$`)
	listenValue = regexp.MustCompile(`^(?:0\.0\.0\.0|127\.0\.0\.1|localhost)?:\d{2,5}$`)
)

// roles decides what each variable carries.
func (s *scene) roles() {
	exact, words := usual(), tokens()
	flows := s.flows()
	for name, v := range s.vars {
		votes := flows[name]
		if r, ok := exact[strings.ToUpper(name)]; ok {
			votes = append(votes, vote{r.service, r.part, byName, "its name", v.At})
		}
		best := vote{service: "", weight: 0}
		for word := range strings.SplitSeq(strings.ToUpper(name), "_") {
			if sign, ok := words[word]; ok && sign.weight > best.weight {
				best = vote{sign.service, "", sign.weight, "its name", v.At}
			}
		}
		if best.weight > 0 {
			votes = append(votes, best)
		}
		if listenName.MatchString(strings.ToUpper(name)) {
			votes = append(votes, vote{Listening, listening(v), byName, "its name", v.At})
		}
		votes = append(votes, shapeVotes(v)...)
		s.decide(v, votes)
		s.bot.Variables = append(s.bot.Variables, *v)
	}
	s.unique()
}

// shapeVotes are the signs in the address that a variable has by default.
func shapeVotes(v *Variable) []vote {
	scheme, _, _ := strings.Cut(v.Shape.Scheme, "+")
	to := func(service Service, part Part, why string) []vote {
		return []vote{{service, part, byDefault, why, v.At}}
	}
	switch {
	case scheme == "postgres" || scheme == "postgresql":
		return to(Postgres, URL, "a "+v.Shape.Scheme+":// address")
	case scheme == "redis" || scheme == "rediss":
		return to(Redis, URL, "a redis:// address")
	case scheme == "mysql" || scheme == "mariadb":
		return to(MySQL, URL, "a mysql:// address")
	case strings.HasPrefix(scheme, "mongodb"):
		return to(MongoDB, URL, "a mongodb:// address")
	case strings.Contains(v.Default, "api.openai.com"), strings.HasSuffix(v.Shape.Path, "/chat/completions"), strings.Contains(v.Default, "openrouter.ai"):
		return to(OpenAI, URL, "its default")
	case strings.Contains(v.Shape.Path, "/message/send"):
		return to(Evolution, URL, "its default")
	case strings.Contains(v.Default, "googleapis.com"):
		return to(Calendar, URL, "its default")
	case strings.Contains(v.Default, "graph.facebook.com"):
		return to(Cloud, URL, "its default")
	case listenValue.MatchString(v.Default):
		return to(Listening, URL, "its default")
	case regexp.MustCompile(`^(gpt-|o[134]-|chatgpt-)`).MatchString(v.Default):
		return to(OpenAI, Model, "its default")
	}
	return nil
}

// decide takes the service with the most votes, and what the best of them says of the part.
func (s *scene) decide(v *Variable, votes []vote) {
	sum, best := map[Service]int{}, map[Service]vote{}
	for _, o := range votes {
		if o.weight > best[o.service].weight {
			if o.part == "" {
				o.part = best[o.service].part
			}
			best[o.service] = o
		} else if b := best[o.service]; b.part == "" {
			b.part = o.part
			best[o.service] = b
		}
		sum[o.service] += o.weight
	}
	var service Service
	for _, candidate := range sortedKeys(sum) {
		if sum[candidate] > sum[service] {
			service = candidate
		}
	}
	if sum[service] < enough {
		return
	}
	o := best[service]
	if o.part == "" {
		o.part = partOf(v.Name, service)
	}
	v.Service, v.Part, v.Why, v.WhyAt, v.score = service, o.part, o.why, o.at, sum[service]
	v.Guess = best[service].weight < sure
}

func sortedKeys[V any](m map[Service]V) []Service {
	keys := make([]Service, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// unique takes roles back that rest on names and contradict what is known: a second address of the gateway that is
// only called so, a database of a bot that uses none.
func (s *scene) unique() {
	top := map[Service]map[Part]int{}
	for i := range s.bot.Variables {
		v := &s.bot.Variables[i]
		if top[v.Service] == nil {
			top[v.Service] = map[Part]int{}
		}
		top[v.Service][v.Part] = max(top[v.Service][v.Part], v.score)
	}
	uses := map[Service]bool{Webhook: true, Listening: true}
	for _, seen := range append(slices.Clone(s.bot.Services), s.bot.Platforms...) {
		uses[seen.Name] = true
	}
	for i := range s.bot.Variables {
		v := &s.bot.Variables[i]
		weak := v.Guess && v.score*2 < top[v.Service][v.Part]+enough
		stranger := !uses[v.Service] && v.score < byName && v.Shape.Scheme == ""
		unread := !v.Read && v.Part == URL && top[v.Service][URL] > v.score && v.score < byFlow
		if v.Service != "" && (weak || stranger || unread) {
			v.Service, v.Part, v.Why, v.WhyAt, v.Guess = "", "", "", Place{}, false
		}
	}
}
