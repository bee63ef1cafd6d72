// Lets Microsoft's Kusto analyser judge queries. Standard input: {folder, schemas: {name: {table: columns}},
// queries: {name: {schema, text}}}. Standard output: {name: ["line:column message", …]}.
const path = require('path');
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
require(path.join(given.folder, 'bridge.min.js'));
require(path.join(given.folder, 'Kusto.Language.Bridge.min.js'));
const { Symbols, GlobalState, KustoCode } = Kusto.Language;

const states = {};
for (const [name, tables] of Object.entries(given.schemas)) {
  const symbols = Object.entries(tables).map(([table, columns]) => new Symbols.TableSymbol.$ctor7(table, columns, null));
  states[name] = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor(name, symbols));
}

const said = {};
for (const [name, { schema, text }] of Object.entries(given.queries)) {
  const code = KustoCode.ParseAndAnalyze(text, states[schema]);
  const diagnostics = code.GetDiagnostics();
  said[name] = [];
  for (let i = 0; i < diagnostics.Count; i++) {
    const each = diagnostics.getItem(i);
    const before = text.slice(0, each.Start).split('\n');
    said[name].push(`${before.length}:${before.at(-1).length + 1} ${each.Message}`);
  }
}
process.stdout.write(JSON.stringify(said));
