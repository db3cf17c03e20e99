package node

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// runFlags are the flags of run.
type runFlags struct {
	overrides
	progress string
	duration time.Duration
	drain    time.Duration
	listen   string
	quiet    bool
}

func (f *runFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.set, "set", nil, "override a key of the file: a.b=c (repeatable)")
	c.Flags().StringVar(&f.trigger, "trigger", "", "availableNow, once, or processingTime=10 seconds")
	c.Flags().StringVar(&f.location, "checkpoint-location", "", "override checkpointLocation; several flows get a folder each below it")
	c.Flags().StringVar(&f.progress, "progress", "", "append each epoch's progress to this file, a JSON object a line")
	c.Flags().DurationVar(&f.duration, "duration", 0, "stop cleanly after this time")
	c.Flags().DurationVar(&f.drain, "drain-timeout", 30*time.Second, "how long a clean stop may take; past it the exit code is 5")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "print no progress on stderr")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "address of the HTTP surface (loopback only), or off")
}

func (p *process) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE",
		Short: "Run the flows of a file in the foreground",
		Long: "Runs the flows of a file until they end or are stopped. The first Ctrl-C or SIGTERM stops\n" +
			"cleanly after a last epoch and gives exit code 0; a second one ends the process at once.",
		Example: "  deltaic run flow.yaml\n  deltaic run flow.yaml --trigger availableNow --json\n" +
			"  deltaic run flow.yaml --set sources.orders.options.startingOffsets=latest --progress progress.jsonl",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			if err := notNegative(f.duration, f.drain); err != nil {
				return err
			}
			return p.run(path, f)
		},
	}
	f.add(c)
	return c
}

// notNegative refuses times that are none.
func notNegative(duration, drain time.Duration) error {
	if duration < 0 || drain < 0 {
		return usage("--duration and --drain-timeout are not below 0")
	}
	return nil
}

// run runs flows to their end or a clean stop.
func (p *process) run(path string, f runFlags) error {
	limitRuntime()
	logger, err := p.logger()
	if err != nil {
		return err
	}
	defer func() { _ = logger.Sync() }()
	units, err := p.load(path, f.overrides)
	if err != nil {
		return err
	}
	s, err := p.serve(context.WithoutCancel(p.stopping), units, serviceOptions{progress: f.progress, drain: f.drain, logger: logger, listen: f.listen})
	if err != nil {
		return err
	}
	stopped := p.follow(s, f.quiet)
	stopping := p.stopping
	if f.duration > 0 {
		timed, cancel := context.WithTimeout(stopping, f.duration)
		defer cancel()
		stopping = timed
	}
	err = s.wait(stopping)
	stopped()
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	if e := p.summarise(s); err == nil {
		err = e
	}
	return err
}

// summarise prints what the flows have done: with --json one object, or a list
// if there are several flows.
func (p *process) summarise(s *service) error {
	all := make([]summary, len(s.jobs))
	for i, j := range s.jobs {
		all[i] = s.summary(j)
	}
	if p.asJSON() {
		if len(all) == 1 {
			return p.print(all[0])
		}
		return p.print(all)
	}
	for _, m := range all {
		p.say("%s: %d rows in, %d quarantined, %d epochs in %.1f s\n", m.Name, m.RowsIn, m.Quarantined, m.Epochs, m.Seconds)
		for _, name := range sortedKeys(m.RowsOut) {
			p.say("  %-20s %d rows\n", name, m.RowsOut[name])
		}
	}
	return nil
}
