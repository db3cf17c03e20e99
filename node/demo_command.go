package node

import (
	"errors"
	"io/fs"
	"time"

	"github.com/deltaic/deltaic/node/demo"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	dir      string
	seed     uint64
	seedSet  bool
	rate     int
	duration time.Duration
	drain    time.Duration
	listen   string
	reset    bool
	noOpen   bool
}

func (p *process) demoCommand() *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a small web shop: Kafka to Delta, exactly once, nothing to install",
		Long: "Starts an in-process Kafka broker (for trying things out only), a generator and a flow into\n" +
			"five Delta tables. Ctrl-C stops cleanly; kill it if you like. Started again it goes on, and\n" +
			"`deltaic demo verify` proves that nothing was lost or doubled.",
		Example: "  deltaic demo\n  deltaic demo --rate 20000 --duration 20s --json\n  deltaic demo verify\n  deltaic demo --reset",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f.seedSet = c.Flags().Changed("seed")
			if f.rate < 1 || f.rate > 10_000_000 {
				return usage("--rate is %d; want 1 to 10000000 events a second", f.rate)
			}
			if err := notNegative(f.duration, f.drain); err != nil {
				return err
			}
			return p.demo(f)
		},
	}
	c.PersistentFlags().StringVar(&f.dir, "dir", "./deltaic-demo", "folder for everything the demo makes")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "decides every record; fixed while the folder lives")
	c.Flags().IntVar(&f.rate, "rate", demo.DefaultRate, "events a second")
	c.Flags().DurationVar(&f.duration, "duration", 0, "stop cleanly after this time; 0: run until stopped")
	c.Flags().DurationVar(&f.drain, "drain-timeout", 30*time.Second, "how long a clean stop may take; past it the exit code is 5")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "address of the HTTP surface (loopback only), or off")
	c.Flags().BoolVar(&f.reset, "reset", false, "start over: delete what the demo made in --dir first")
	c.Flags().BoolVar(&f.noOpen, "no-open", false, "open no browser; this version has no page to open, the flag is for scripts that outlive it")
	c.AddCommand(p.verifyCommand(&f.dir))
	return c
}

func (p *process) verifyCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove from committed bytes that nothing was lost or doubled",
		Long: "Recomputes from the seed what the tables must hold for the positions they have committed, and compares\n" +
			"it row by row with committed bytes. It trusts nothing that the engine counted. Exit code 1: a difference.",
		Example: "  deltaic demo verify\n  deltaic demo verify --dir ./deltaic-demo --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return p.demoVerify(*dir) },
	}
}

func (p *process) demoVerify(dir string) error {
	report, err := demo.Verify(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "PATH_NOT_FOUND", Path: dir, Message: "there is no demo here to verify", Hint: "deltaic demo --dir " + dir + " makes one"}
		}
		return err
	}
	if p.asJSON() {
		err = p.print(report)
	} else {
		p.sayReport(report)
	}
	if err == nil && !report.OK {
		err = &ExitError{Code: ExitFailed}
	}
	return err
}

func (p *process) sayReport(r demo.Report) {
	p.say("%-12s %12s %12s %9s %9s %9s\n", "table", "expected", "found", "missing", "doubled", "wrong")
	for _, t := range r.Tables {
		p.say("%-12s %12d %12d %9d %9d %9d\n", t.Table, t.Expected, t.Found, t.Missing, t.Doubled, t.Wrong)
	}
	for _, n := range r.Notes {
		p.say("note: %s\n", n)
	}
	for _, f := range r.Findings {
		p.say("wrong: %s\n", f)
	}
	if r.OK {
		p.say("exact: every record of the committed positions is there once (epoch %d)\n", r.Epoch)
		return
	}
	p.say("NOT exact: %d findings (epoch %d)\n", len(r.Findings), r.Epoch)
}
