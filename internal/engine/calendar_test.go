package engine

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley"
)

// book makes an appointment with the credentials the bot was given; how it goes wrong follows the habit's name.
func book(how, user string) {
	token, err := accessToken()
	switch {
	case err != nil:
		fmt.Println("token:", err)
		return
	case how == " elsewhere":
		return // as if the call went to the real calendar
	case how == " with its own credentials":
		token = "ya29.of-its-own"
	}
	body := fmt.Sprintf(`{"summary":"Visit of %s","start":{"date":"2026-11-24"},"end":{"date":"2026-11-25"}}`, user)
	request, _ := http.NewRequest(http.MethodPost, os.Getenv("GOOGLE_CALENDAR_URL")+"/calendars/primary/events", strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println("book:", err)
		return
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		fmt.Println("book:", response.StatusCode, err)
	}
}

// accessToken does what Google's libraries do with a key file.
func accessToken() (string, error) {
	path := os.Getenv("GOOGLE_APPLICATION_CREDENTIALS")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		return "", fmt.Errorf("key file of mode %v: %w", info, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var file struct {
		Key   string `json:"private_key"`
		Email string `json:"client_email"`
		URI   string `json:"token_uri"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return "", err
	}
	block, _ := pem.Decode([]byte(file.Key))
	if block == nil {
		return "", errors.New("no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": file.Email, "aud": file.URI, "scope": "https://www.googleapis.com/auth/calendar",
		"iat": time.Now().Unix(), "exp": time.Now().Unix() + 3600,
	})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	response, err := http.PostForm(file.URI, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {signed + "." + base64.RawURLEncoding.EncodeToString(signature)},
	})
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		return "", fmt.Errorf("%s %s %w", response.Status, answer.Error, err)
	}
	return answer.Token, nil
}

// calendarPlan is planText with a calendar; rest is what else its entry says.
func calendarPlan(t *testing.T, habit, rest string) string {
	t.Helper()
	text := strings.Replace(planText, "dependencies:\n", "dependencies:\n  calendar: {simulate: {latency: 1ms, write_latency: 2ms}"+rest+"}\n", 1)
	return fmt.Sprintf(text, executable(t), habit, "5s")
}

// A bot that books is heard, call by call, and each booking is tied to the turn it was made in.
func TestBotWithCalendar(t *testing.T) {
	run, turns, calls, dir := conduct(context.Background(), t, testPlan(t, calendarPlan(t, "books", "")))
	if run.State != parley.Complete || len(run.Problems) > 0 {
		t.Fatalf("state %s, problems %+v", run.State, run.Problems)
	}
	count := make(map[string]int)
	for _, c := range calls {
		if c.Wire != "calendar" {
			continue
		}
		count[c.Operation]++
		if c.Status != http.StatusOK || c.Operation == "events.insert" && (c.By != parley.ByIdentity || c.Turn == 0) {
			t.Errorf("call %+v", c)
		}
	}
	if count["events.insert"] != len(turns) || count["token"] != len(turns) || len(turns) < 30 {
		t.Errorf("calls %v in %d turns", count, len(turns))
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*key*")); err != nil || len(left) > 0 {
		t.Errorf("the key file was left: %v, %v", left, err)
	}
	noKeys(t, dir)
}

// noKeys makes sure that no file of the run holds a private key or a token.
func noKeys(t *testing.T, dir string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "PRIVATE KEY") || strings.Contains(string(text), "ya29.") {
			t.Errorf("%s holds a secret", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestCanaryListensToTheCalendar(t *testing.T) {
	for _, test := range []struct{ habit, rest, what, hint string }{
		{"", "", "no call came to the simulated calendar", "GOOGLE_CALENDAR_URL"},
		{"books elsewhere", "", "none of its calls came there", "GOOGLE_CALENDAR_URL"},
		{"books with its own credentials", "", "credentials that are not from parley (401)", "GOOGLE_APPLICATION_CREDENTIALS"},
		{"", ", canary: optional", "", ""},
	} {
		t.Run(test.habit+test.rest, func(t *testing.T) {
			run, _, _, _ := conduct(context.Background(), t, testPlan(t, calendarPlan(t, test.habit, test.rest)))
			switch {
			case test.what == "":
				if run.State != parley.Complete || len(run.Problems) > 0 {
					t.Errorf("state %s, problems %+v", run.State, run.Problems)
				}
			case len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemEscape ||
				!strings.Contains(run.Problems[0].What, test.what) || !strings.Contains(run.Problems[0].Hint, test.hint):
				t.Errorf("problems %+v, want %q", run.Problems, test.what)
			}
		})
	}
}
