// The tutorial's other samples for clients. Each logs its events to the console.

socket.on('news', function(data) {
	console.log('news', JSON.stringify(data));
	socket.emit('my other event', { my: 'data of the page' });
});
socket.on('pub', function(data) {
	console.log('pub', JSON.stringify(data));
});
socket.on('getMessage', function(data) {
	console.log('getMessage', JSON.stringify(data));
});
socket.on('sendMessageToAllClient', function(data) {
	console.log('sendMessageToAllClient', JSON.stringify(data));
});
socket.on('connect', function() {
	console.log('Client has connected to the server!');
});
socket.on('disconnect', function() {
	console.log('The client has disconnected!');
});

// The tutorial's list of events. A client 1.x emits them all on the socket; from 3.0 on some are
// emitted on the manager.
var events = ['connect', 'connecting', 'disconnect', 'connect_failed', 'error', 'message', 'anything',
	'reconnect_failed', 'reconnect', 'reconnecting'];
function watch(emitter, names) {
	names.forEach(function(name) {
		emitter.on(name, function(value) {
			console.log('event', name, value === undefined ? '' : String(value));
		});
	});
}
watch(socket, events);
var own = ['reconnect_attempt', 'reconnect', 'reconnect_failed'];
var manager = function(one) { return typeof one.timeout === 'function' ? one.io : one; };
if (manager(socket) !== socket) watch(manager(socket), own);
