from django.forms import modelform_factory
from django.http import FileResponse
from django.shortcuts import get_object_or_404, redirect, render

from .models import Document

Form = modelform_factory(Document, fields=["title", "file"])


def documents(request):
    """The list, and a form to add a document."""
    form = Form(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("documents")
    return render(request, "archive/documents.html",
                  {"documents": Document.objects.all(), "form": form})


def download(request, id):
    """Django's way to hand out a file: wsgi.file_wrapper."""
    document = get_object_or_404(Document, id=id)
    return FileResponse(open(document.file.path, "rb"),
                        as_attachment=True)
