package survey

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Compose is what a compose file says of the bot and of the databases beside it.
type Compose struct {
	File     string     `json:"file"`
	Project  string     `json:"project,omitempty"`
	Services []Composed `json:"services"`
}

// Composed is one service of a compose file.
type Composed struct {
	Name string `json:"name"`
	At   Place  `json:"at"`
	// Bot: it is built from the bot's source; Serves: it takes requests too (a worker does not).
	Bot    bool `json:"bot"`
	Serves bool `json:"serves,omitempty"`
	// Kind is Postgres or Redis, of an image that is known.
	Kind Service `json:"kind,omitempty"`
	// Published maps a port in the container to the port of this machine that leads there.
	Published map[int]int `json:"published,omitempty"`
	Command   []string    `json:"command,omitempty"` // of the bot
	// Variables are the names it is given; of values those that can be no secret.
	Variables map[string]string `json:"variables,omitempty"`
	// Kept: its data outlive the project, in a folder of this machine or in a volume of a fixed name.
	Kept string `json:"kept,omitempty"`
	// Container is the fixed name of its container.
	Container string `json:"container,omitempty"`
	Hosts     bool   `json:"extra_hosts,omitempty"`
	HostNet   bool   `json:"host_network,omitempty"`
}

// composeName matches the files compose reads by itself, in its order of preference.
var composeNames = regexp.MustCompile(`^(docker-)?compose\.ya?ml$`)

// maxComposed bounds the services of a compose file.
const maxComposed = 100

// compose reads the compose file of the folder.
func (s *scene) compose() {
	names := s.names(func(name string) bool { return composeNames.MatchString(name) })
	slices.SortStableFunc(names, func(a, b string) int { // compose.yaml goes before docker-compose.yml
		return len(strings.TrimPrefix(a, "compose")) - len(strings.TrimPrefix(b, "compose"))
	})
	if len(names) == 0 {
		return
	}
	name := names[0]
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(s.text[name]), &root); err != nil || len(root.Content) == 0 {
		s.warn("%s is no YAML that can be used and is left out: %v", name, firstLine(err))
		return
	}
	c := &Compose{File: name}
	project := entry(root.Content[0], "name")
	c.Project = scalarText(project)
	volumes := entry(root.Content[0], "volumes")
	services := entry(root.Content[0], "services")
	for key, node := range entries(services) {
		if len(c.Services) < maxComposed {
			c.Services = append(c.Services, s.composed(name, key, node, volumes))
		}
	}
	if len(c.Services) > 0 {
		s.bot.Compose = c
	}
}

func firstLine(err error) string {
	if err == nil {
		return "it is empty"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// composed reads one service.
func (s *scene) composed(file string, key, node, volumes *yaml.Node) (c Composed) {
	c = Composed{Name: key.Value, At: Place{file, key.Line}, Variables: map[string]string{}}
	image := entry(node, "image")
	build := entry(node, "build")
	c.Kind = imageKind(scalarText(image))
	c.Bot = build != nil && c.Kind == ""
	ports := entry(node, "ports")
	c.Published = published(ports)
	if command := entry(node, "command"); command != nil && c.Bot { // those of databases hold passwords
		c.Command = words(command)
	}
	environment := entry(node, "environment")
	for name, value := range assignments(environment) {
		c.Variables[name] = harmless(name, value)
		if c.Bot {
			if v := s.variable(name, Place{file, environment.Line}); v != nil {
				v.keep(value)
			}
		}
	}
	mounts := entry(node, "volumes")
	c.Kept = kept(mounts, volumes)
	container := entry(node, "container_name")
	c.Container = scalarText(container)
	hosts := entry(node, "extra_hosts")
	c.Hosts = hosts != nil
	network := entry(node, "network_mode")
	c.HostNet = scalarText(network) == "host"
	return c
}

// imageKind tells a database by its image.
func imageKind(image string) Service {
	name, _, _ := strings.Cut(path.Base(image), ":")
	switch {
	case regexp.MustCompile(`postgres|pgvector|timescaledb|postgis|supabase`).MatchString(image):
		return Postgres
	case regexp.MustCompile(`^(redis|redis-stack.*|valkey|keydb|dragonfly)$`).MatchString(name):
		return Redis
	}
	return ""
}

// entry returns the value of a key of a mapping.
func entry(node *yaml.Node, name string) *yaml.Node {
	for k, v := range entries(node) {
		if k.Value == name {
			return v
		}
	}
	return nil
}

// entries ranges over a mapping, following aliases.
func entries(node *yaml.Node) func(func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		node = followed(node)
		if node == nil || node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i], followed(node.Content[i+1])) {
				return
			}
		}
	}
}

func followed(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func scalarText(node *yaml.Node) string {
	if node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// words returns a command, which is a list or one text.
func words(node *yaml.Node) (list []string) {
	if node.Kind == yaml.SequenceNode {
		for _, n := range node.Content {
			list = append(list, scalarText(followed(n)))
		}
		return list
	}
	return split(scalarText(node))
}

// assignments returns an environment, which is a mapping or a list of NAME=value.
func assignments(node *yaml.Node) map[string]string {
	all := map[string]string{}
	for k, v := range entries(node) {
		if k.Value != "<<" {
			all[k.Value] = scalarText(v)
			continue
		}
		for k, v := range entries(v) {
			all[k.Value] = scalarText(v)
		}
	}
	if node != nil && node.Kind == yaml.SequenceNode {
		for _, n := range node.Content {
			if name, value, _ := strings.Cut(scalarText(followed(n)), "="); name != "" {
				all[name] = value
			}
		}
	}
	return all
}

var publishedPort = regexp.MustCompile(`^(?:[\d.]+:|\[[^\]]*\]:)?(?:\$\{\w+:?-?(\d+)\}|(\d+)):(\d+)(?:/tcp)?$`)

// published reads "8000:8000" and its long form.
func published(node *yaml.Node) map[int]int {
	all := map[int]int{}
	if node == nil || node.Kind != yaml.SequenceNode {
		return all
	}
	for _, n := range node.Content {
		n = followed(n)
		inside, outside := "", ""
		if m := publishedPort.FindStringSubmatch(scalarText(n)); m != nil {
			inside, outside = m[3], m[1]+m[2]
		} else if n != nil && n.Kind == yaml.MappingNode {
			t := entry(n, "target")
			p := entry(n, "published")
			inside, outside = scalarText(t), scalarText(p)
		}
		in, err1 := strconv.Atoi(inside)
		out, err2 := strconv.Atoi(outside)
		if err1 == nil && err2 == nil && in > 0 && out > 0 && in < 65536 && out < 65536 {
			all[in] = out
		}
	}
	return all
}

// kept says where the data of a service outlive its project, empty if nowhere.
func kept(mounts, volumes *yaml.Node) string {
	if mounts == nil || mounts.Kind != yaml.SequenceNode {
		return ""
	}
	for _, n := range mounts.Content {
		n = followed(n)
		source, target, _ := strings.Cut(scalarText(n), ":")
		if n != nil && n.Kind == yaml.MappingNode {
			a := entry(n, "source")
			b := entry(n, "target")
			source, target = scalarText(a), scalarText(b)
		}
		target, mode, _ := strings.Cut(target, ":")
		if strings.Contains(target, "initdb") || mode == "ro" || regexp.MustCompile(`\.(sql|conf|sh)$`).MatchString(target) {
			continue // what it starts with, not what it keeps
		}
		if strings.HasPrefix(source, ".") || strings.HasPrefix(source, "/") || strings.HasPrefix(source, "~") || strings.HasPrefix(source, "$") {
			return "the folder " + source
		}
		declared := entry(volumes, source)
		for k, v := range entries(declared) {
			if k.Value == "name" || k.Value == "external" && scalarText(v) != "false" {
				return fmt.Sprintf("the volume %s", source)
			}
		}
	}
	return ""
}
