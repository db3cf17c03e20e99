package node

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
	"github.com/spf13/cobra"
)

func (p *process) statusCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "status [NAME]", Short: "What a running flow does now", Args: cobra.MaximumNArgs(1),
		Example: "  deltaic status orders --location ./state/orders\n  deltaic status --at 127.0.0.1:8085 --json",
		RunE: func(c *cobra.Command, args []string) error {
			path, err := t.named(c.Context(), args)
			if err != nil {
				return err
			}
			if p.asJSON() {
				var raw json.RawMessage
				if err := t.call(c.Context(), http.MethodGet, path+"/status", &raw); err != nil {
					return err
				}
				return p.print(raw)
			}
			var s stream.Status
			var progress []stream.Progress
			if err := t.call(c.Context(), http.MethodGet, path+"/status", &s); err != nil {
				return err
			}
			if err := t.call(c.Context(), http.MethodGet, path+"/progress", &progress); err != nil {
				return err
			}
			p.sayStatus(s, progress)
			return nil
		},
	}
	t.add(c)
	return c
}

func (p *process) sayStatus(s stream.Status, progress []stream.Progress) {
	p.say("%s  %s\n", s.State, s.Message)
	if s.Exception != nil {
		p.say("exception  %s: %s\n", s.Exception.Class, s.Exception.Message)
	}
	if len(progress) > 0 {
		l := progress[len(progress)-1]
		p.say("epoch %d  %s  %d rows in, %.0f rows/s in, %.0f rows/s processed, %d ms\n", l.BatchID, l.Timestamp, l.NumInputRows,
			float64(l.InputRowsPerSecond), float64(l.ProcessedRowsPerSecond), l.BatchDuration)
		for _, source := range l.Sources {
			p.say("source  %s  at %s  behind %s\n", source.Description, source.EndOffset, source.Metrics["maxOffsetsBehindLatest"])
		}
	}
}

func (p *process) explainCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "explain NAME [watermark|state]", Short: "How a running flow runs", Args: cobra.RangeArgs(1, 2), ValidArgs: []string{"watermark", "state"},
		Example: "  deltaic explain orders --location ./state/orders\n  deltaic explain watermark orders --location ./state/orders\n  deltaic explain orders state --at 127.0.0.1:8085",
		RunE: func(c *cobra.Command, args []string) error {
			name, what := args[0], ""
			if len(args) == 2 {
				what = args[1]
			}
			if name == "watermark" || name == "state" { // either order will do
				name, what = what, name
			}
			if what != "" && what != "watermark" && what != "state" {
				return usage("explain %q: want nothing, watermark or state", what)
			}
			var answer struct {
				Name string `json:"name"`
				Plan string `json:"plan"`
				// Watermarks is there if they were asked for.
				Watermarks []topology.StepWatermark `json:"watermarks,omitempty"`
			}
			if err := t.call(c.Context(), http.MethodGet, "/"+url.PathEscape(name)+"/explain?what="+what, &answer); err != nil {
				return err
			}
			if p.asJSON() {
				return p.print(answer)
			}
			p.say("%s", answer.Plan)
			return nil
		},
	}
	t.add(c)
	return c
}

func (p *process) stopCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "stop [NAME]", Short: "Stop a running flow after a last epoch, and wait for it", Args: cobra.MaximumNArgs(1),
		Example: "  deltaic stop orders --location ./state/orders",
		RunE: func(c *cobra.Command, args []string) error {
			path, err := t.named(c.Context(), args)
			if err != nil {
				return err
			}
			var answer json.RawMessage
			if err := t.call(c.Context(), http.MethodPost, path+"/stop", &answer); err != nil {
				return err
			}
			if p.asJSON() {
				return p.print(answer)
			}
			p.say("stopped\n")
			return nil
		},
	}
	t.add(c)
	return c
}
