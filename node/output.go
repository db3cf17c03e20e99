package node

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/node/flowfile"
)

// asJSON reports whether output is for machines.
func (p *process) asJSON() bool { return p.json || p.output == "json" }

// print writes one JSON document, secrets masked.
func (p *process) print(v any) error {
	text, err := encode(v)
	if err == nil {
		_, err = fmt.Fprint(p.env.Stdout, p.mask(text))
	}
	return err
}

// encode returns v as a line of JSON in which <, > and & stand as they are:
// nothing of it goes into a page.
func encode(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.String(), err
}

// say writes text for people, secrets masked.
func (p *process) say(format string, args ...any) {
	fmt.Fprint(p.env.Stdout, p.mask(fmt.Sprintf(format, args...)))
}

// hide makes mask know the file's secrets.
func (p *process) hide(files []*flowfile.File) {
	p.secrets.mu.Lock()
	defer p.secrets.mu.Unlock()
	p.secrets.files = append(p.secrets.files, files...)
}

// mask replaces every known secret by ***.
func (p *process) mask(text string) string {
	p.secrets.mu.Lock()
	defer p.secrets.mu.Unlock()
	for _, f := range p.secrets.files {
		text = f.Mask(text)
	}
	return text
}
