package node

import (
	"io"
	"maps"
	"path/filepath"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/node/flowfile"
)

// flowFileProperty is the property of a quarantine in which the file of its flow is named, so that its rows can be given back.
const flowFileProperty = "deltaic.flowFile"

// connectorsOf is connectorsFor for the flows of a file. A table for what a flow rejects takes the columns that later versions
// have, and one that is made says which file its flow is in.
func connectorsOf(file string, out io.Writer) flowfile.Connectors {
	c := connectorsFor(out)
	sink := c.Sink
	c.Sink = func(s flowfile.SinkOptions) (connectors.Sink, error) {
		if (s.Name == "quarantine" || s.Name == "late") && s.Format == "delta" {
			s.Options = with(s.Options, "mergeSchema", "true")
			if path, err := filepath.Abs(file); err == nil && s.Name == "quarantine" {
				s.Properties = with(s.Properties, flowFileProperty, path)
			}
		}
		return sink(s)
	}
	return c
}

// with returns the map with a key that it may lack.
func with(m map[string]string, key, value string) map[string]string {
	if _, there := m[key]; there {
		return m
	}
	c := maps.Clone(m)
	if c == nil {
		c = map[string]string{}
	}
	c[key] = value
	return c
}
