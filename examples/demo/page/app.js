// Logs users in and out, opens the connection to their rooms, and connects the panels to it.
import { Attacks } from '/attacks.js';
import * as backend from '/backend.js';
import { Chat } from '/chat.js';
import { RoomConnection, decodeToken, tokenFrom } from '/client/room-auth-client.js';
import { $, on } from '/dom.js';
import { Picture } from '/picture.js';
import { Ticket } from '/ticket.js';

// Scripts cannot see the session cookie. Remembering the user saves a request that would be refused.
const REMEMBER = 'room-auth:user';

const picture = new Picture();
const ticket = new Ticket(renewal);
const chat = new Chat((room) => ticket.show(room));
const attacks = new Attacks();
const form = $('login-form');
const tabs = [...document.querySelectorAll('.tabs button')];

let mode = { authorizer: false, chat: true };
let user;
let connection;
let events;

async function start() {
	picture.draw(mode);
	try {
		const session = localStorage.getItem(REMEMBER) && backend.session().catch(() => null);
		[mode, ticket.key] = await Promise.all([backend.mode(), backend.key()]);
		document.body.dataset.chat = mode.chat;
		$('mode').textContent = `tokens live ${mode.token_lifetime} s${mode.authorizer ? ', authorizer in front' : ''}`;
		picture.draw(mode);
		setInterval(() => !user && picture.tour(), 4000);
		const known = await session;
		if (known) enter(known);
		else leave();
	} catch (error) {
		leave(error.message);
	}
}

async function logIn(name, password) {
	$('login-message').textContent = '';
	form.inert = true;
	try {
		await backend.login(name, password);
		enter(await backend.session());
	} catch (error) {
		$('login-message').textContent = error.message;
	} finally {
		form.inert = false;
	}
}

function stage(name, title) {
	document.body.dataset.stage = name;
	document.title = $('who-name').textContent = title;
	$('who').hidden = name === 'out';
}

function enter(session) {
	user = session.user;
	localStorage.setItem(REMEMBER, user);
	stage('in', user);
	form.reset();
	events = backend.events();
	events.onmessage = ({ data }) => picture.observe(JSON.parse(data));
	attacks.load();
	chat.start(session, mode.chat);
	const last = JSON.parse(sessionStorage.getItem('rooms')) ?? [];
	const [room = session.rooms[0], ...more] = last.filter((name) => session.rooms.includes(name));
	open(room);
	for (const name of more) connection.join(name).catch(({ message }) => chat.notice(message));
	// On a phone the keyboard would cover the page.
	if (mode.chat && matchMedia('(hover: hover)').matches) $('text').focus();
}

function open(room) {
	const fetchToken = tokenFrom('/api/token');
	const opened = new RoomConnection({
		room,
		fetchToken: async (request) => {
			const at = performance.now();
			const answer = await fetchToken(request);
			const name = decodeToken(answer.token).claims.user;
			if (name !== user) throw leave(`Another window of this browser logged in as ${name}.`);
			picture.observe({ at: Date.now(), step: 'token', ms: performance.now() - at, status: 200 });
			return answer;
		},
		// The connect function answers no ping.
		...(mode.chat || { heartbeat: 0 }),
	});
	connection = opened;
	renewal();
	ticket.attach(opened);
	chat.attach(opened);
	on(opened, 'state', ({ reason }) => {
		if (reason === 'unauthenticated') leave('The session has ended. Log in again.');
	});
	on(opened, 'room', () => sessionStorage.setItem('rooms', JSON.stringify(opened.rooms)));
	opened.connect();
}

function renewal() {
	if (connection) connection.renewal = !ticket.renewing ? 'off' : mode.chat ? 'in-band' : 'reconnect';
}

/** Returns to the login, and shows the reason if there is one. */
function leave(message = '') {
	const was = user;
	user = undefined;
	connection?.close();
	events?.close();
	localStorage.removeItem(REMEMBER);
	stage('out', 'room-auth');
	$('login-message').textContent = message;
	tabs[0].click();
	if (was) form.elements.user.focus();
	return new Error(message);
}

form.onsubmit = (event) => {
	event.preventDefault();
	const { user: name, password } = form.elements;
	logIn(name.value.trim(), password.value);
};
for (const choice of form.querySelectorAll('[data-user]')) {
	choice.onclick = () => logIn(choice.dataset.user, choice.dataset.user);
}
$('logout').onclick = async () => {
	await backend.logout().catch(() => null);
	leave();
};
$('logout-all').onclick = () => backend.logoutEverywhere().then(() => leave('You are logged out everywhere.'), ({ message }) => leave(message));
for (const tab of tabs) {
	tab.onclick = () => {
		document.body.dataset.view = tab.dataset.view;
		for (const each of tabs) each.setAttribute('aria-current', each === tab);
	};
}
// Cookies belong to a host name, not to a port: 127.0.0.1 and localhost keep two sessions in one browser.
$('second').href = `http://${location.hostname === 'localhost' ? '127.0.0.1' : 'localhost'}:${location.port}/`;

start();
