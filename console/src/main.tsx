import { render } from 'preact';
import { enter, takeCode } from './access.ts';
import { App } from './app.tsx';
import { keepFocus } from './focus.ts';
import { restoreTheme } from './theme.ts';

const code = takeCode();
restoreTheme();
keepFocus();
render(<App />, document.getElementById('page')!);
if (code) void enter(code);
