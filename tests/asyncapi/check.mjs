// Prints what the reference parser of AsyncAPI has against a document: a line each, and nothing else.
// It follows references into other files; what stands there, it takes for a schema (test_events.py checks that).
import { Parser, fromFile } from '@asyncapi/parser';

const INFORMATION = 2;

const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
for (const { severity, path, message } of diagnostics)
  if (severity < INFORMATION) console.log(`/${path.join('/')}: ${message}`);
if (!document && diagnostics.length === 0) console.log('no document');
