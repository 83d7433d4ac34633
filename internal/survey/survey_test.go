package survey

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// tree makes a folder of an archive's text.
func tree(text string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(text)).Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return files
}

func look(t *testing.T, text string) *Bot {
	t.Helper()
	bot, err := Look(tree(text))
	if err != nil {
		t.Fatal(err)
	}
	return bot
}

// carried lists what variables carry, "NAME service part".
func carried(bot *Bot) (list []string) {
	for _, v := range bot.Variables {
		if v.Service != "" && v.Part != Options {
			list = append(list, fmt.Sprintf("%s %s %s", v.Name, v.Service, v.Part))
		}
	}
	slices.Sort(list)
	return list
}

func TestRoles(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, carried(look(t, text))); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
	// What the source does with a variable tells what it is, whatever its name.
	f("-- a.py --\nimport os\nfrom openai import AsyncOpenAI\nc = AsyncOpenAI(base_url=os.environ['ONE'], api_key=os.getenv('TWO'))\n",
		"ONE openai url", "TWO openai key")
	f("-- a.py --\nimport os, asyncpg\nasync def open():\n    return await asyncpg.create_pool(os.environ['STORE_URL'])\n", "STORE_URL postgres url")
	f("-- a.js --\nconst here = process.env.HERE\nfetch(`${here}/message/sendText/${process.env.WHO}`, {headers: {apikey: process.env.PASSPHRASE}})\n",
		"HERE evolution url", "PASSPHRASE evolution key", "WHO evolution instance")
	f("-- a.js --\nconst { THERE, IT } = process.env\nconst c = new OpenAI({ baseURL: THERE, apiKey: IT })\n", "IT openai key", "THERE openai url")
	f("-- a.go --\npackage main\nimport \"os\"\nfunc f() {\n\tbase := os.Getenv(\"ONE\")\n\tpost(base + \"/chat/completions\")\n\tr.Header.Set(\"apikey\", os.Getenv(\"TWO\"))\n}\n",
		"ONE openai url", "TWO evolution key")
	f("-- a.go --\npackage main\ntype c struct {\n\tOut string `env:\"OUT,required\"`\n}\nfunc f(c c) { get(c.Out + \"/message/sendText/x\") }\n", "OUT evolution url")
	f("-- a.py --\nfrom pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    llm_endpoint: str\n    class Config:\n        env_prefix = 'BOT_'\ns = S()\nc = OpenAI(base_url=s.llm_endpoint)\n",
		"BOT_LLM_ENDPOINT openai url")
	f("-- a.py --\nfrom decouple import config\nBROKER = config('JOBS', default='redis://localhost/1')\napp = Celery(broker=BROKER)\n", "JOBS redis url")
	// The form of a default, then the name.
	f("-- a.py --\nimport os\nx = os.getenv('STATE', 'redis://localhost:6379')\n", "STATE redis url")
	f("-- a.py --\nimport os\nimport redis\nr = redis.from_url(os.getenv('X_URL'))\nport = int(os.getenv('BOT_PORT', 8000))\n", "BOT_PORT listening port", "X_URL redis url")
	// A name alone counts only for a service that shows elsewhere.
	f("-- a.py --\nimport os\nx = os.getenv('CACHE_URL')\n")
	f("-- requirements.txt --\nredis==5\n-- a.py --\nimport os\nx = os.getenv('CACHE_URL')\n", "CACHE_URL redis url")
	// Of settings side by side none is taken for its neighbour's service.
	f("-- a.js --\nconst c = {\n  llm: process.env.LLM_ENDPOINT || 'https://api.openai.com/v1/chat/completions',\n  crm: process.env.CRM_KEY,\n}\n", "LLM_ENDPOINT openai url")
	// The bot's own functions that read variables.
	f("-- a.py --\nimport os\ndef need(name):\n    return os.environ[name]\nU = need('UPLINK')\nhttpx.post(U + '/message/sendText/x')\n", "UPLINK evolution url")
}

func TestRoutes(t *testing.T) {
	f := func(text, webhook, health string) {
		t.Helper()
		bot := look(t, text)
		got := [2]string{}
		if len(bot.Webhooks) > 0 {
			got[0] = bot.Webhooks[0].Path
		}
		if len(bot.Health) > 0 {
			got[1] = bot.Health[0].Path
		}
		if want := [2]string{webhook, health}; got != want {
			t.Errorf("%v, want %v\n%s", got, want, text)
		}
	}
	f("-- a.py --\napp = FastAPI()\n@app.post('/webhook')\ndef w(): pass\n@app.get('/ping')\ndef p(): pass\n@app.get('/ready')\ndef r(): pass\n", "/webhook", "/ready")
	f("-- main.py --\nfrom api import hooks\napp = FastAPI()\napp.include_router(hooks.router, prefix='/api')\n-- api/hooks.py --\nrouter = APIRouter(prefix='/wa')\n@router.post('/messages')\ndef w(): pass\n",
		"/api/wa/messages", "")
	f("-- a.py --\napp = Flask(__name__)\n@app.route('/stripe/webhook', methods=['POST'])\ndef s(): pass\n@app.route('/evolution', methods=['GET', 'POST'])\ndef e(): data['key']['remoteJid']\n", "/evolution", "")
	f("-- a.py --\napp = Starlette(routes=[Route('/hook/whatsapp', take, methods=['POST']), Route('/healthz', ok)])\n", "/hook/whatsapp", "/healthz")
	f("-- urls.py --\nfrom django.urls import path\nurlpatterns = [path('whatsapp/', views.take), path('admin/', x)]\n-- asgi.py --\napplication = get_asgi_application()\n", "/whatsapp/", "")
	f("-- a.js --\nconst app = express()\nconst hooks = require('./hooks')\napp.use('/in', hooks)\n-- hooks.js --\nconst r = require('express').Router()\nr.post('/whatsapp', take)\nmodule.exports = r\n", "/in/whatsapp", "")
	f("-- a.ts --\nNestFactory.create(M)\n@Controller('evolution')\nclass C {\n  @Post('webhook')\n  take() {}\n  @Get('health')\n  ok() {}\n}\n", "/evolution/webhook", "/evolution/health")
	f("-- a.go --\npackage main\nfunc main() {\n\tr := gin.Default()\n\tv := r.Group(\"/v1\")\n\tv.POST(\"/webhook\", take)\n\tr.GET(\"/health\", ok)\n}\n", "/v1/webhook", "/health")
	f("-- a.go --\npackage main\nfunc main() {\n\thttp.HandleFunc(\"/webhook\", take)\n}\n", "/webhook", "")
	// Calls of clients are no routes.
	f("-- a.py --\napp = FastAPI()\nclient.post('/messages')\n", "", "")
}

func TestStart(t *testing.T) {
	f := func(text, want string, setup ...string) {
		t.Helper()
		start := look(t, text).Start
		var steps []string
		for _, step := range start.Setup {
			steps = append(steps, strings.Join(step, " "))
		}
		if got := strings.Join(start.Command, " "); got != want || !slices.Equal(steps, setup) {
			t.Errorf("start %q, setup %q; want %q, %q\n%s", got, steps, want, setup, text)
		}
	}
	f("-- app/main.py --\nfrom app.x import y\napp = FastAPI()\n", "python3 -m uvicorn app.main:app --host 127.0.0.1 --port ${PORT}")
	f("-- src/bot/__init__.py --\n-- src/bot/web.py --\napi = FastAPI()\n", "python3 -m uvicorn bot.web:api --host 127.0.0.1 --port ${PORT} --app-dir src")
	f("-- app.py --\ndef create_app():\n    return FastAPI()\n", "python3 -m uvicorn app:create_app --host 127.0.0.1 --port ${PORT} --factory")
	f("-- requirements.txt --\ngunicorn\n-- app.py --\napp = Flask(__name__)\n", "python3 -m gunicorn --bind 127.0.0.1:${PORT} app:app")
	f("-- app.py --\napp = Flask(__name__)\n", "python3 -m flask --app app run --host 127.0.0.1 --port ${PORT}")
	f("-- venv/pyvenv.cfg --\n-- a.py --\nx = FastAPI()\n-- Dockerfile --\nFROM python\nCMD [\"uvicorn\", \"a:x\", \\\n  \"--host=0.0.0.0\", \"--port\", \"80\", \"--workers\", \"4\"]\n",
		"venv/bin/python -m uvicorn a:x --host=127.0.0.1 --port ${PORT} --workers 4")
	f("-- a.py --\nx = FastAPI()\n-- Dockerfile --\nFROM python\nCMD alembic upgrade head && uvicorn a:x --port ${PORT:-8000}\n",
		"python3 -m uvicorn a:x --port ${PORT}", "python3 -m alembic upgrade head")
	f("-- a.py --\nx = FastAPI()\n-- Dockerfile --\nFROM python\nENTRYPOINT [\"./run.sh\"]\n-- run.sh --\n#!/bin/sh\necho uvicorn starts\nalembic upgrade head\nexec uvicorn a:x --host 0.0.0.0 --port $PORT\n",
		"python3 -m uvicorn a:x --host 127.0.0.1 --port ${PORT}", "python3 -m alembic upgrade head")
	f("-- a.py --\nx = FastAPI()\n-- compose.yaml --\nservices:\n  w: {build: ., command: celery -A a worker}\n  b: {build: ., command: [uvicorn, 'a:x', --port, '8000']}\n",
		"python3 -m uvicorn a:x --port ${PORT}")
	f("-- package.json --\n{\"scripts\": {\"start\": \"tsx src/a.ts\", \"build\": \"tsc\"}}\n-- src/a.ts --\nconst a = express()\n", "npm run --silent start")
	f("-- package.json --\n{\"scripts\": {\"start\": \"node dist/a.js\", \"build\": \"tsc\", \"migrate\": \"knex migrate:latest\"}}\n-- src/a.ts --\nconst a = express()\n",
		"node dist/a.js", "npm run --silent migrate", "npm run --silent build")
	f("-- package.json --\n{\"main\": \"bot.js\"}\n-- bot.js --\nexpress().listen(1234)\n", "node bot.js")
	f("-- go.mod --\nmodule x\n-- cmd/tool/main.go --\npackage main\n\nfunc main() {}\n-- cmd/web/main.go --\npackage main\n\nfunc main() { http.ListenAndServe(\":80\", nil) }\n", ".parley/bot", "go build -o .parley/bot ./cmd/web")
}

func TestFixedPort(t *testing.T) {
	if start := look(t, "-- a.js --\nrequire('http').createServer(f).listen(1234)\n").Start; start.Port != 1234 || start.PortAt.String() != "a.js:1" {
		t.Errorf("port %d at %s", start.Port, start.PortAt)
	}
	if start := look(t, "-- a.js --\nrequire('http').createServer(f).listen(process.env.PORT || 1234)\n").Start; start.Port != 0 {
		t.Errorf("port %d is fixed, though PORT tells it", start.Port)
	}
}

// Names are read of .env files, and of values nothing that may be a secret.
func TestNoSecretIsKept(t *testing.T) {
	bot := look(t, `
-- app.py --
import os
app = FastAPI()
KEY = os.getenv("SERVICE_KEY", "inline-0123456789")
DSN = os.getenv("DATABASE_URL", "postgres://user:inlinepassword@db/x")
ZONE = os.getenv("ZONE", "America/Sao_Paulo")
-- .env --
SERVICE_KEY=real-0123456789
PLAIN=realvalue
HOOK_URL=https://hooks.slack.example/services/T0AAAAAAA/B0BBBBBBB/pathSECRETpath
BOT_URL=https://api.telegram.example/bot123456:pathtoken/sendMessage
-- .env.example --
ALERTS=https://hooks.slack.example/services/T0AAAAAAA/B0BBBBBBB/exampleSECRET
OWNER_NUMBER=5511987654321
MODEL_URL=https://llm.example/openai/v1/chat/completions
OTHER_TOKEN=example-0123456789
ODD=AbCdEf0123456789GhIjKlMnOpQr
TIMEZONE=Europe/Lisbon
-- compose.yaml --
services:
  db: {image: postgres, environment: {POSTGRES_PASSWORD: composepassword, POSTGRES_USER: salon}}
  cache: {image: redis, command: redis-server --requirepass commandpassword}
`)
	text, err := json.Marshal(bot)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"inline-", "inlinepassword", "real-", "realvalue", "example-", "AbCdEf", "composepassword", "commandpassword", "pathSECRET", "pathtoken", "exampleSECRET", "5511987654321"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q is kept", secret)
		}
	}
	for _, kept := range []string{"America/Sao_Paulo", "Europe/Lisbon", "salon", "OTHER_TOKEN", "https://llm.example/openai/v1/chat/completions", "/*/sendMessage"} {
		if !strings.Contains(string(text), kept) {
			t.Errorf("%q is lost", kept)
		}
	}
}

func TestWhatIsLeftOut(t *testing.T) {
	long := strings.Repeat("x", maxLine+1)
	files := tree("-- node_modules/a/index.js --\nexpress()\n-- .venv/pyvenv.cfg --\n-- .venv/x.py --\nFastAPI()\n-- mine/pyvenv.cfg --\n-- mine/y.py --\nFastAPI()\n" +
		"-- tests/test_a.py --\nFastAPI()\n-- vendor/x.go --\npackage x\n-- a_test.go --\npackage x\n-- long.js --\nexpress(" + long + ")\n")
	files["binary.py"] = &fstest.MapFile{Data: []byte("FastAPI()\x00\x01")}
	files["latin.py"] = &fstest.MapFile{Data: []byte("FastAPI() # \xe9")}
	files["huge.py"] = &fstest.MapFile{Data: []byte(strings.Repeat("x = 1\n", maxFileBytes/6+1))}
	bot, err := Look(files)
	if err != nil {
		t.Fatal(err)
	}
	if bot.Language != "" {
		t.Errorf("found a bot in %s", bot.Language)
	}
	said := strings.Join(bot.Warnings, "\n")
	for _, want := range []string{"binary.py is left out: it is not text", "latin.py is left out: it is not text", "huge.py is left out: it is larger", "long.js is left out: it has lines"} {
		if !strings.Contains(said, want) {
			t.Errorf("no warning %q in\n%s", want, said)
		}
	}
}

// What is no name of a variable is none, whoever wrote it.
func TestNamesOfVariables(t *testing.T) {
	bot := look(t, "-- app.py --\napp = FastAPI()\n-- compose.yaml --\nservices: {web: {build: ., environment: {\"A_URL; rm\": 1, \"B_URL\\n\": 1, C_URL: 1}}}\n")
	for _, v := range bot.Variables {
		if v.Name != "C_URL" {
			t.Errorf("%q is a variable", v.Name)
		}
	}
	if len(bot.Variables) != 1 {
		t.Errorf("variables %+v", bot.Variables)
	}
}

func TestManyFiles(t *testing.T) {
	files := fstest.MapFS{}
	for i := range maxFiles + 10 {
		files[fmt.Sprintf("m%04d.py", i)] = &fstest.MapFile{Data: []byte("x = 1\n")}
	}
	bot, err := Look(files)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(bot.Warnings, func(w string) bool { return strings.Contains(w, "larger than what is read") }) {
		t.Errorf("warnings %q", bot.Warnings)
	}
}

func TestOverridingDotenvIsSaid(t *testing.T) {
	bot := look(t, "-- a.py --\nfrom dotenv import load_dotenv\nload_dotenv(override=True)\n")
	if len(bot.Warnings) != 1 || !strings.Contains(bot.Warnings[0], "a.py:2: .env wins over the environment") {
		t.Errorf("warnings %q", bot.Warnings)
	}
}

// FuzzLook looks at a folder whose files are all the same bytes. Whatever they are, every place must be one.
func FuzzLook(f *testing.F) {
	for _, seed := range []string{
		"import os\napp = FastAPI()\n@app.post('/webhook')\nasync def w(r):\n    os.environ['A_URL'] + '/message/sendText/x'\n",
		"const { A, B = 'x' } = process.env\nfetch(`${A}/chat/completions`, { headers: { apikey: B } })\n",
		"package main\nfunc main() { http.HandleFunc(\"POST /w\", f) }\nfunc env(n, d string) string { return os.Getenv(n) }\n",
		"services:\n  b: {build: ., ports: ['80:80'], environment: [A=b]}\n", "{\"scripts\": {\"start\": \"node a.js\"}}",
		"FROM x\nCMD [\"sh\", \"-c\", \"a && uvicorn a:b --port $PORT\"]\n", "A_KEY=b # c\n", "class S(BaseSettings):\n    a: str = Field(alias='B'\n",
		"((((]]]]{{{{''''\"\"\"`", "/* \n//\n#", "release: a\nweb: gunicorn a:b -b :$PORT",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 20_000 {
			return
		}
		lines := strings.Count(string(data), "\n") + 1
		files := fstest.MapFS{}
		for _, name := range []string{"a.py", "b.ts", "c.go", "compose.yaml", "Dockerfile", "Procfile", ".env", ".env.example", "package.json", "pyproject.toml", "go.mod", "run.sh"} {
			files[name] = &fstest.MapFile{Data: data}
		}
		began := time.Now()
		bot, err := Look(files)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Fatalf("%d bytes took %s", len(data), took)
		}
		for _, v := range bot.Variables {
			for _, p := range []Place{v.At, v.WhyAt, v.Set} {
				if p.File != "" && (p.Line < 1 || p.Line > lines) {
					t.Errorf("%s is at %s of %d lines", v.Name, p, lines)
				}
			}
		}
		for _, r := range append(bot.Webhooks, bot.Health...) {
			if !strings.HasPrefix(r.Path, "/") {
				t.Errorf("route %q", r.Path)
			}
		}
	})
}
