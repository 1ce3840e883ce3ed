// Which question is being edited.

class Editing {
  id = $state<string | null>(null);

  start(id: string): void {
    this.id = id;
  }

  end(): void {
    this.id = null;
  }
}

export const editing = new Editing();
