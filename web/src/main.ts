import { mount } from 'svelte';

import App from './App.svelte';
import { settings } from './lib/settings.svelte';
import './styles/base.css';
import './styles/code.css';
import './styles/forms.css';
import './styles/markdown.css';
import './styles/menu.css';

settings.apply();
history.scrollRestoration = 'manual'; // a conversation opens at its end
const target = document.getElementById('app');
if (target !== null) mount(App, { target });
