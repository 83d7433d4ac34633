// Package survey looks at the folder of a chat bot and says what it found: how the
// bot starts, where it takes webhooks, which services it calls, and which environment
// variables carry their addresses and keys to it. Every finding names the file and line it
// comes from.
//
// It only reads files, and of those only what is text and of bounded size. It runs nothing, imports
// nothing, and keeps no value that may be a secret: of an .env file the names, of an address the shape.
// What to make of the findings is the affair of package scaffold.
package survey

import (
	"fmt"
	"io/fs"
	"slices"
)

// Place is where something was found: a path below the folder and a line, from 1.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// String is "app/main.py:41", empty for no place.
func (p Place) String() string {
	if p.File == "" {
		return ""
	}
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Bot is what a folder holds.
type Bot struct {
	Language    string `json:"language"`            // Python, Node.js, Go
	Framework   string `json:"framework,omitempty"` // FastAPI, Express, net/http, ...
	FrameworkAt Place  `json:"framework_at,omitzero"`
	// Platforms are the messaging platforms the bot speaks to, likeliest first.
	Platforms []Sighting `json:"platforms"`
	Start     Start      `json:"start"`
	// Webhooks and Health are routes, likeliest first.
	Webhooks  []Route    `json:"webhooks"`
	Health    []Route    `json:"health,omitempty"`
	Variables []Variable `json:"variables"`
	// Services are those the bot calls, whether or not a variable carries their address.
	Services []Sighting `json:"services"`
	// Instance is the gateway's instance where the source names it, and Secret the header of a webhook's secret.
	Instance string   `json:"instance,omitempty"`
	Secret   Header   `json:"webhook_secret,omitzero"`
	Compose  *Compose `json:"compose,omitempty"`
	// Warnings say what was left out or will not work, each with its place.
	Warnings []string `json:"warnings,omitempty"`
}

// Sighting is a service or platform, and where it shows.
type Sighting struct {
	Name Service `json:"name"`
	At   Place   `json:"at"`
	// What shows it: "/chat/completions", "openai 1.40".
	What string `json:"what"`
}

// Service names what a wire of the bot leads to.
type Service string

// The services that are recognised. Those of the first group are messaging platforms.
const (
	Evolution Service = "evolution"
	LINE      Service = "line"
	Cloud     Service = "whatsapp-cloud"
	Twilio    Service = "twilio"
	Telegram  Service = "telegram"

	OpenAI   Service = "openai"
	Postgres Service = "postgres"
	Redis    Service = "redis"
	Calendar Service = "calendar"

	Azure     Service = "azure-openai"
	Anthropic Service = "anthropic"
	Gemini    Service = "gemini"
	MySQL     Service = "mysql"
	MongoDB   Service = "mongodb"

	// Webhook is the bot's own end: the secret a webhook must bring, the address it is known by.
	Webhook Service = "webhook"
	// Listening is what the bot's own server listens on.
	Listening Service = "listening"
	// Other is any other service.
	Other Service = "other"
)

// Header is a header field that must come with a webhook.
type Header struct {
	Name string `json:"name"`
	At   Place  `json:"at"`
}

// Look surveys a folder. A folder without a bot gives a Bot without a Language.
// The error is of the folder itself: what cannot be read within it is a warning.
func Look(fsys fs.FS) (*Bot, error) {
	f, err := gather(fsys)
	if err != nil {
		return nil, err
	}
	s := &scene{folder: f, bot: &Bot{}, vars: map[string]*Variable{}, aliases: map[string][]alias{}, marks: marks(), callees: map[reader]callee{}}
	s.manifests()
	s.language()
	s.containers()
	s.environment()
	s.sightings()
	s.roles()
	s.routes()
	s.start()
	s.bot.Warnings = append(f.warnings, s.bot.Warnings...)
	slices.SortStableFunc(s.bot.Variables, func(a, b Variable) int { return compareVariables(&a, &b) })
	return s.bot, nil
}

// scene is a survey under way.
type scene struct {
	*folder
	bot *Bot
	// packages are the dependencies that manifests name, with their versions.
	packages map[string]dependency
	scripts  map[string]string // of package.json
	main     string            // of package.json
	vars     map[string]*Variable
	// aliases tie identifiers of the source to the variable they were read from.
	aliases  map[string][]alias
	calls    []command // ways to start the bot that files tell, best first
	released []command // what a Procfile runs before
	docker   bool      // there is a Dockerfile
	marks    []mark
	callees  map[reader]callee // definitions that were looked up
	passed   bool              // os.Getenv is handed on as a value
	dotenv   bool              // the bot reads .env by itself
}

// warn notes once what was left out or will not work.
func (s *scene) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.bot.Warnings, text) {
		s.bot.Warnings = append(s.bot.Warnings, text)
	}
}
