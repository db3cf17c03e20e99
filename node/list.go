package node

import (
	"slices"
	"strings"

	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/node/metrics"
	"github.com/spf13/cobra"
)

const since = "0.1" // the first version; there is none before it

// listed is a thing that list lists.
type listed struct {
	Name      string   `json:"name"`
	Since     string   `json:"since"`
	Doc       string   `json:"doc"`
	Of        string   `json:"of,omitempty"`        // of an option: the format it belongs to
	Default   string   `json:"default,omitempty"`   // of an option
	Type      string   `json:"type,omitempty"`      // of a metric
	Labels    []string `json:"labels,omitempty"`    // of a metric
	Signature string   `json:"signature,omitempty"` // of a function, and below
	Example   string   `json:"example,omitempty"`
	Result    string   `json:"result,omitempty"`
}

var lists = map[string]func() []listed{
	"functions": listFunctions, "sources": listSources, "sinks": listSinks, "options": listOptions, "errors": listErrors, "metrics": listMetrics,
}

func (p *process) listCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "list " + strings.Join(sortedKeys(lists), "|"), Short: "What this version knows", Args: cobra.ExactArgs(1), ValidArgs: sortedKeys(lists),
		Example: "  deltaic list functions\n  deltaic list options --format md\n  deltaic list errors --json",
		RunE: func(_ *cobra.Command, args []string) error {
			all := lists[args[0]]
			if all == nil {
				return usage("there is no list %q; want %s", args[0], strings.Join(sortedKeys(lists), ", "))
			}
			if p.asJSON() && format == "" {
				format = "json"
			}
			switch format {
			case "json":
				return p.print(all())
			case "md":
				p.sayMarkdown(args[0], all())
			case "":
				for _, l := range all() {
					p.say("%-42s %s\n", l.title(), l.Doc)
				}
			default:
				return usage("--format is %q; want json or md", format)
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "", "json or md")
	return c
}

// title is what stands first in a line for people.
func (l listed) title() string {
	if l.Signature != "" {
		return l.Signature
	}
	return l.Name
}

func (p *process) sayMarkdown(what string, all []listed) {
	cell := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ") }
	header := []string{"Name", "Since", "Description"}
	switch what {
	case "functions":
		header = append(header, "Example", "Result")
	case "options":
		header = append(header, "Of", "Default")
	case "metrics":
		header = append(header, "Type", "Labels")
	}
	p.say("| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, l := range all {
		row := []string{"`" + cell(l.title()) + "`", l.Since, cell(l.Doc)}
		switch what {
		case "functions":
			row = append(row, "`"+cell(l.Example)+"`", cell(l.Result))
		case "options":
			row = append(row, l.Of, cell(l.Default))
		case "metrics":
			row = append(row, l.Type, strings.Join(l.Labels, ", "))
		}
		p.say("| %s |\n", strings.Join(row, " | "))
	}
}

func listFunctions() []listed {
	all := []listed{}
	for _, f := range expr.Functions() {
		all = append(all, listed{Name: f.Name, Since: since, Doc: f.Doc, Signature: f.Signature, Example: f.Example, Result: f.Result})
	}
	return all
}

func listSources() []listed {
	return []listed{{Name: "kafka", Since: since, Doc: "topics of a Kafka broker: columns key, value, topic, partition, offset, timestamp, timestampType, and headers on request"},
		{Name: "eventhubs", Since: since, Doc: "an Azure Event Hub at its Kafka endpoint: columns body, partition, offset, sequenceNumber, enqueuedTime, partitionKey, properties; publisher and systemProperties are null, the endpoint does not carry them"},
		{Name: "rate", Since: since, Doc: "rows that count up, so many a second: columns timestamp and value; options rowsPerSecond, rampUpTime, numPartitions"},
		{Name: "rate-micro-batch", Since: since, Doc: "rows that count up, so many an epoch, all of one time: what an epoch holds follows from its number; columns as rate"},
		{Name: "socket", Since: since, Doc: "lines that a TCP server sends, for tests: column value, and timestamp on request. At most once: lines read and not committed when an attempt ends are lost"},
		{Name: "delta", Since: since, Doc: "a Delta table as a stream: what it has, then its changes; with static: true a table to join with, its newest version in each epoch, or versionAsOf; as the history before a live source"}}
}

func listSinks() []listed {
	return []listed{
		{Name: "console", Since: since, Doc: "prints the rows of each epoch as a table, in every output mode; not durable"},
		{Name: "csv", Since: since, Doc: "a folder of CSV files, each epoch exactly once, with Spark's log of a file sink; append only"},
		{Name: "delta", Since: since, Doc: "a Delta table, each epoch exactly once; made if it is not there. Update mode replaces the rows of its keys, complete mode the whole table"},
		{Name: "eventhubs", Since: since, Doc: "an Azure Event Hub at its Kafka endpoint: columns body, partitionKey, partitionId and headers, else as kafka"},
		{Name: "json", Since: since, Doc: "a folder of newline-delimited JSON files, as csv"},
		{Name: "kafka", Since: since, Doc: "records in topics, out of columns key, value, topic, partition and headers; without value the row is one JSON object. At least once, or exactly once by transactions"},
		{Name: "noop", Since: since, Doc: "takes rows and keeps none, for measuring what lies before it"},
		{Name: "parquet", Since: since, Doc: "a folder of Parquet files, as csv"},
		{Name: "socket", Since: since, Doc: "rows as lines of JSON to a TCP server, for tests; at least once as far as what was sent was read; append only"},
	}
}

func listMetrics() []listed {
	all := []listed{}
	for _, d := range metrics.Docs() {
		all = append(all, listed{Name: d.Name, Since: d.Since, Doc: d.Doc, Type: d.Type, Labels: d.Labels})
	}
	return all
}

func listErrors() []listed {
	all := make([]listed, 0, len(errorClasses))
	for _, class := range sortedKeys(errorClasses) {
		all = append(all, listed{Name: class, Since: since, Doc: errorClasses[class]})
	}
	return all
}

func listOptions() []listed {
	all := slices.Clone(optionDocs)
	slices.SortStableFunc(all, func(a, b listed) int {
		if c := strings.Compare(a.Of, b.Of); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}
