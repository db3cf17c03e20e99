package node

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logFlags say what is logged, and how. Logs go to stderr.
type logFlags struct{ level, format string }

func (f *logFlags) add(c *cobra.Command) {
	c.PersistentFlags().StringVar(&f.level, "log-level", "warn", "debug, info, warn or error")
	c.PersistentFlags().StringVar(&f.format, "log-format", "console", "console or json")
}

// logger returns the process's logger. Secrets are masked in what it writes.
func (p *process) logger() (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(p.log.level)
	if err != nil {
		return nil, usage("--log-level is %q; want debug, info, warn or error", p.log.level)
	}
	c := zap.NewProductionEncoderConfig()
	c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	var encoder zapcore.Encoder
	switch p.log.format {
	case "json":
		encoder = zapcore.NewJSONEncoder(c)
	case "console":
		c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		c.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(c)
	default:
		return nil, usage("--log-format is %q; want console or json", p.log.format)
	}
	out := zapcore.Lock(zapcore.AddSync(masked{p}))
	return zap.New(zapcore.NewSamplerWithOptions(zapcore.NewCore(encoder, out, level), sampleEvery, 20, 100)), nil
}

// masked is stderr without secrets.
type masked struct{ p *process }

func (m masked) Write(line []byte) (int, error) {
	if _, err := io.WriteString(m.p.env.Stderr, m.p.mask(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// colourful reports whether w is a terminal that wants colours.
func colourful(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isatty.IsTerminal(f.Fd())
}
