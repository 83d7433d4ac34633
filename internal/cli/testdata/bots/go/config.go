package main

import (
	"fmt"
	"os"
)

// Config comes from the environment.
type Config struct {
	Listen   string
	EvoBase  string
	EvoToken string
	EvoName  string
	AIBase   string
	AIKey    string
}

func load() (Config, error) {
	c := Config{
		Listen:   env("HTTP_LISTEN_ADDR", ":8090"),
		EvoBase:  os.Getenv("EVO_BASE"),
		EvoToken: os.Getenv("EVO_TOKEN"),
		EvoName:  env("EVO_NAME", "dentist"),
		AIBase:   env("AI_BASE", "https://api.openai.com"),
		AIKey:    os.Getenv("AI_SECRET"),
	}
	for _, name := range []string{"EVO_BASE", "EVO_TOKEN", "AI_SECRET"} {
		if os.Getenv(name) == "" {
			return c, fmt.Errorf("%s is not set", name)
		}
	}
	return c, nil
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
