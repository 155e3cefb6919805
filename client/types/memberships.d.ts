export declare class Memberships {
    #private;
    constructor(host: any);
    get rooms(): any[];
    join(room: any): any;
    leave(room: any): any;
    renew(room: any): void;
    /** Enters all rooms over the connection that was just opened. */
    resume(): void;
    /** The connection is gone, with its timers. */
    suspend(): void;
    /** No connection will follow: nobody need wait any longer. */
    stop(reason: any): void;
    /** Sets the timers anew. */
    watch(): void;
    /** Takes an answer of the server. */
    receive(type: any, room: any, text: any): void;
}
