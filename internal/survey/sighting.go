package survey

import (
	"cmp"
	"regexp"
	"slices"
)

// isPlatform tells messaging platforms from other services.
func isPlatform(s Service) bool {
	return slices.Contains([]Service{Evolution, LINE, Cloud, Twilio, Telegram}, s)
}

// clients are the packages that speak to a service.
func clients() map[Service][]string {
	return map[Service][]string{
		OpenAI:    {"openai", "langchain-openai", "@langchain/openai", "@ai-sdk/openai", "github.com/openai/openai-go", "github.com/sashabaranov/go-openai"},
		Postgres:  {"asyncpg", "psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "pg8000", "aiopg", "pg", "postgres", "github.com/jackc/pgx", "github.com/lib/pq"},
		Redis:     {"redis", "aioredis", "ioredis", "@redis/client", "github.com/redis/go-redis", "github.com/go-redis/redis", "fakeredis"},
		Calendar:  {"google-api-python-client", "gcsa", "googleapis", "@googleapis/calendar"},
		LINE:      {"line-bot-sdk", "@line/bot-sdk", "github.com/line/line-bot-sdk-go"},
		Twilio:    {"twilio", "github.com/twilio/twilio-go"},
		Telegram:  {"aiogram", "python-telegram-bot", "telegraf", "grammy"},
		Anthropic: {"anthropic", "@anthropic-ai/sdk"},
		Gemini:    {"google-generativeai", "google-genai", "@google/generative-ai"},
		MongoDB:   {"pymongo", "motor", "mongoose", "mongodb"},
		MySQL:     {"mysqlclient", "pymysql", "aiomysql", "mysql2"},
	}
}

// sightings finds the platforms and services the bot speaks to, by the marks in its source and by the
// packages it needs.
func (s *scene) sightings() {
	weight, first := map[Service]int{}, map[Service]Sighting{}
	for _, f := range s.files {
		for _, row := range s.marks {
			m := row.mark.FindAllStringIndex(f.code, 20)
			if len(m) == 0 {
				continue
			}
			weight[row.service] += len(m)
			if _, seen := first[row.service]; !seen {
				first[row.service] = Sighting{row.service, f.place(m[0][0]), trim(f.code[m[0][0]:m[0][1]])}
			}
		}
	}
	known := clients()
	for _, service := range sortedKeys(known) {
		if name, d, ok := s.depends(known[service]...); ok {
			weight[service] += 3
			if _, seen := first[service]; !seen {
				what := name
				if d.version != "" {
					what += " " + d.version
				}
				first[service] = Sighting{service, d.at, what}
			}
		}
	}
	found := sortedKeys(first)
	slices.SortStableFunc(found, func(a, b Service) int { return cmp.Compare(weight[b], weight[a]) })
	for _, service := range found {
		switch {
		case isPlatform(service):
			s.bot.Platforms = append(s.bot.Platforms, first[service])
		default:
			s.bot.Services = append(s.bot.Services, first[service])
		}
	}
	s.instance()
}

// instance finds the gateway's instance where the source names it.
func (s *scene) instance() {
	fixed := regexp.MustCompile(`/message/send\w+/([A-Za-z][\w-]{0,63})["'` + "`" + `]`)
	for _, f := range s.files {
		if m := fixed.FindStringSubmatch(f.code); m != nil {
			s.bot.Instance = m[1]
			return
		}
	}
}
